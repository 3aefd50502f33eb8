/** The token of the golden frames: of no script. */
export const SAMPLE_TOKEN = "spd_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh85zzqm3";
/** The hash of a certificate that nobody has. */
export const SAMPLE_CERTIFICATE = "qG5N-OMK5HdvbzkylXsgDw";
