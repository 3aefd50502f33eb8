// Checks what `tauri signer` wrote: Ed25519 over the BLAKE2b of a file. Key and signature are base64 of minisign's own text, whose second line is base64 again.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

/** Whether `FILE.sig` is the signature of `FILE` by this key. */
export function isSigned(file, publicKey) {
  const line = (text) => Buffer.from(Buffer.from(text, "base64").toString("utf8").split("\n")[1] ?? "", "base64");
  const [signature, key] = [line(readFileSync(`${file}.sig`, "utf8")), line(publicKey)];
  if (key.length !== 42 || signature.subarray(0, 2).toString() !== "ED" || !signature.subarray(2, 10).equals(key.subarray(2, 10))) return false;
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.subarray(10)]);
  const hash = createHash("blake2b512").update(readFileSync(file)).digest();
  return verify(null, hash, createPublicKey({ key: spki, format: "der", type: "spki" }), signature.subarray(10));
}
