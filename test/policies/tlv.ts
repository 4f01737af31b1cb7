// DER for the hand-written expectations, in hexadecimal and on its own: nothing of src/x509 is in it.

/** One element: tag and contents in hexadecimal, the length computed. */
export function tlv(tag: string, ...contents: string[]): string {
  const content = contents.join('');
  const length = content.length / 2;
  if (length < 0x80) return tag + byte(length) + content;
  return length < 0x100
    ? `${tag}81${byte(length)}${content}`
    : `${tag}82${byte(length >> 8)}${byte(length & 0xff)}${content}`;
}

const byte = (value: number): string => value.toString(16).padStart(2, '0');

export const hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');

/** One DistributionPoint with one URI: [0] distributionPoint, [0] fullName, [6] URI. */
export const point = (uri: string): string => tlv('30', tlv('a0', tlv('a0', tlv('86', hex(uri)))));
