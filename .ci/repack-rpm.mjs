// Packs the files in an .rpm anew, and mends the digests of what changed. rpmbuild knows no filter of xz; rpm reads all of them.
// Usage: node .ci/repack-rpm.mjs FILE OPTION...   OPTION: of xz
// The format: https://rpm-software-management.github.io/rpm/manual/format_v4.html
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const [file, ...options] = process.argv.slice(2);
const LEAD = 96;
const SIZE_TAG = 1000; // of the signature: bytes of header and payload

/** The length of the header at this place: two counts, entries of 16 bytes, values. */
function headerLength(from) {
  if (rpm.readUInt32BE(from) >>> 8 !== 0x8eade8) throw new Error(`${file}: no header at ${from}`);
  return 16 + rpm.readUInt32BE(from + 8) * 16 + rpm.readUInt32BE(from + 12);
}

const digest = (kind, ...parts) => parts.reduce((hash, part) => hash.update(part), createHash(kind)).digest();

/** Puts one value in the place of another of its length, which must be there once. */
function swap(within, was, is) {
  const at = within.indexOf(was);
  if (at < 0 || within.indexOf(was, at + 1) >= 0) throw new Error(`${file}: a digest that must be there once is not`);
  within.set(is, at);
}

const hex = (bytes) => Buffer.from(bytes.toString("hex"));

const rpm = readFileSync(file);
const signatureLength = headerLength(LEAD);
const headerStart = LEAD + Math.ceil(signatureLength / 8) * 8;
const payloadStart = headerStart + headerLength(headerStart);
const [before, was] = [rpm.subarray(0, headerStart), rpm.subarray(payloadStart)];
const header = Buffer.from(rpm.subarray(headerStart, payloadStart));
const wasHeader = Buffer.from(header);

const xz = (input, ...words) => execFileSync("xz", words, { input, maxBuffer: 1 << 30 });
const payload = xz(xz(was, "--decompress", "--stdout"), "--stdout", ...options);
swap(header, hex(digest("sha256", was)), hex(digest("sha256", payload)));
for (const kind of ["sha1", "sha256"]) swap(before, hex(digest(kind, wasHeader)), hex(digest(kind, header)));
swap(before, digest("md5", wasHeader, was), digest("md5", header, payload));
const count = rpm.readUInt32BE(LEAD + 8);
const size = Array.from({ length: count }, (_, entry) => LEAD + 16 + entry * 16).find((entry) => rpm.readUInt32BE(entry) === SIZE_TAG);
if (size === undefined) throw new Error(`${file}: no size`);
before.writeUInt32BE(header.length + payload.length, LEAD + 16 + count * 16 + rpm.readUInt32BE(size + 8));
writeFileSync(file, Buffer.concat([before, header, payload]));
