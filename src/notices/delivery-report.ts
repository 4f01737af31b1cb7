// A delivery status notification, read as far as it matters: which mail, to whom, and that it failed for good. Pure; written by
// whoever likes, so nothing in it is taken for more than its form.

/** RFC 3464 §2 Format of a Delivery Status Notification. */
export type Report = {
  /** of the mail that came back, with its angle brackets */
  readonly messageId: string;
  /** addresses that it may be about, in lower case */
  readonly recipients: readonly string[];
  /** RFC 3463 code: `5.1.1` */
  readonly status: string;
};

const MOST_RECIPIENTS = 50;

/** The failures for good that a message reports; none when it is no report. `text` is the file, one character for each octet. */
export function readReport(text: string): readonly Report[] {
  const lines = text.replaceAll('\r\n', '\n');
  if (!/^content-type:[^\n]*(\n[ \t][^\n]*)*message\/delivery-status/im.test(lines)) return [];
  const messageId = originalId(lines);
  if (messageId === undefined) return [];
  return groupsOf(lines)
    .slice(0, MOST_RECIPIENTS)
    .flatMap((group) => {
      const status = /^status:\s*(5\.\d{1,3}\.\d{1,3})\s*$/im.exec(group)?.[1];
      if (status === undefined || !/^action:\s*failed\s*$/im.test(group)) return [];
      return [{ messageId, status, recipients: recipientsOf(group) }];
    });
}

/** The mail that came back is quoted after the report: the last Message-ID of ours in it. */
const originalId = (lines: string): string | undefined =>
  [...lines.matchAll(/^message-id:\s*(<(?:notice|digest)\.[!-;=?-~]{1,200}>)\s*$/gim)].at(-1)?.[1];

/** Fields that belong to one recipient stand together, between empty lines. */
const groupsOf = (lines: string): readonly string[] =>
  lines
    .replaceAll(/\n[ \t]+/g, ' ')
    .split(/\n\s*\n/)
    .filter((group) => /^(original|final)-recipient:/im.test(group));

const recipientsOf = (group: string): readonly string[] =>
  [...group.matchAll(/^(?:original|final)-recipient:\s*rfc822\s*;\s*<?([!-;=?-~]{3,254})>?\s*$/gim)].map(
    ([, address = '']) => address.toLowerCase(),
  );
