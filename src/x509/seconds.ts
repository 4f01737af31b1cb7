// Certificates, CRLs and OCSP answers count in whole seconds (RFC 5280 §4.1.2.5 Validity); rows that feed them do too.

/** The moment without its fraction of a second. */
export const wholeSecond = (date: Date): Date => new Date(Math.floor(date.getTime() / 1000) * 1000);
