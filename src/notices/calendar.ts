// The end of a certificate as an entry for a calendar: RFC 5545 iCalendar. Pure.

export type Entry = {
  /** globally unique and the same in every mail about this end */
  readonly uid: string;
  readonly at: Date;
  /** when this was written */
  readonly writtenAt: Date;
  readonly summary: string;
  readonly description: string;
};

/** An iCalendar object with one event of no length. */
export function formatCalendar({ uid, at, writtenAt, summary, description }: Entry): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//igc-sante//notices//FR',
    'METHOD:PUBLISH',
    'BEGIN:VEVENT',
    `UID:${escapeText(uid)}`,
    `DTSTAMP:${utc(writtenAt)}`,
    `DTSTART:${utc(at)}`,
    `SUMMARY:${escapeText(summary)}`,
    `DESCRIPTION:${escapeText(description)}`,
    'TRANSP:TRANSPARENT',
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${fold(line)}\r\n`).join('');
}

/** RFC 5545 §3.3.5 Date-Time, form 2: `20270131T225959Z`. */
const utc = (moment: Date): string => `${moment.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;

/** RFC 5545 §3.3.11 Text. A line end that is none of ours is one all the same. */
const escapeText = (text: string): string =>
  text.replaceAll(/[\\;,]/g, (character) => `\\${character}`).replaceAll(/\r\n|\r|\n/g, '\\n');

const LONGEST_LINE = 75;

/** RFC 5545 §3.1 Content Lines: octets are counted, and none of our lines ends within a character. */
function fold(line: string): string {
  const lines = [''];
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > LONGEST_LINE) {
      lines.push('');
      // the space that begins a folded line is one of its octets
      octets = 1;
    }
    lines[lines.length - 1] += character;
    octets += size;
  }
  return lines.join('\r\n ');
}
