import { Refused, type GatewayChoice, type GatewayChosen, type GatewayLook } from "../backend";

export const FINGERPRINT = "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08";

/** Who answers where: a name of the internet is vouched for, an address of the network has a certificate of its own. */
export function sampleLook(url: string): GatewayLook {
  if (!/^wss?:\/\/\S+$/.test(url)) throw new Refused({ code: "gateway_address_bad", detail: url });
  const full = url.endsWith("/") ? url : `${url}/`;
  if (url.startsWith("ws:")) return { url: full, reach: /127\.0\.0\.1|localhost/.test(url) ? "computer" : "readable", certificate: null };
  return { url: full, reach: "encrypted", certificate: { fingerprint: FINGERPRINT, notTrusted: url.includes("example") ? null : "unknown" } };
}

/** It lets whoever has the secret in, but asks its owner first where the secret says so. */
export function sampleChoice({ secret }: GatewayChoice): GatewayChosen {
  if (secret?.text === "wrong") throw new Refused({ code: "gateway_secret_refused" });
  return secret?.text === "ask" ? { version: null, requestId: "5e42109d-0eb8-48e0-89f0-b66ddd16e884" } : { version: "2026.9.6", requestId: null };
}
