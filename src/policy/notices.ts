// When and by whom holders are warned of an end, as policies/notices.yaml says it: closed schema and what no schema can say.

import { type Static, Type } from 'typebox';
import type { Finding } from '../errors.ts';
import { checkMailbox } from './mailboxes.ts';

const closed = { additionalProperties: false } as const;

const Months = Type.Object({ months: Type.Integer({ minimum: 1, maximum: 24 }) }, closed);
const Days = Type.Object({ days: Type.Integer({ minimum: 1, maximum: 365 }) }, closed);
const Mailbox = Type.String({ minLength: 3, maxLength: 254 });

export const NoticesSchema = Type.Object(
  {
    /** before the end, from the longest to the shortest */
    thresholds: Type.Array(Type.Union([Months, Days]), { minItems: 1, maxItems: 20 }),
    /** of the IANA Time Zone Database */
    zone: Type.String({ pattern: '^[A-Za-z]+(/[A-Za-z_+-]+)*$', maxLength: 64 }),
    from: Type.Object({ name: Type.String({ pattern: '^[^\\p{C}\\p{Zl}\\p{Zp}]{1,64}$' }), address: Mailbox }, closed),
    /** who gets the notices that nobody else can get */
    operators: Type.Array(Type.Object({ address: Mailbox, language: Type.Enum(['fr', 'en']) }, closed), {
      minItems: 1,
      maxItems: 10,
    }),
    /** who is mailed what needs a person, and how many mails of that an hour may have; without it nobody is */
    alarms: Type.Optional(
      Type.Object(
        {
          recipients: Type.Array(Type.Object({ address: Mailbox, language: Type.Enum(['fr', 'en']) }, closed), {
            minItems: 1,
            maxItems: 10,
          }),
          perHour: Type.Integer({ minimum: 1, maximum: 60 }),
        },
        closed,
      ),
    ),
    /** where a reader learns how a certificate is renewed */
    renewal: Type.String({ pattern: '^https://[a-z0-9.-]+(/[A-Za-z0-9._~%-]*)*$', maxLength: 256 }),
    sender: Type.Object(
      {
        connections: Type.Integer({ minimum: 1, maximum: 50 }),
        perSecond: Type.Integer({ minimum: 1, maximum: 10_000 }),
        /** one mail, from the connection to the answer */
        deadlineSeconds: Type.Integer({ minimum: 1, maximum: 600 }),
        tls: Type.Enum(['required', 'offered']),
      },
      closed,
    ),
    /** an administrator with more notices than this in a day gets them in one mail, at this time of day */
    digest: Type.Object(
      {
        moreThan: Type.Integer({ minimum: 1, maximum: 10_000 }),
        at: Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' }),
      },
      closed,
    ),
  },
  closed,
);

export type NoticePolicy = Static<typeof NoticesSchema>;
export type Threshold = NoticePolicy['thresholds'][number];

/** `2m`, `30d`: how rows and messages name a threshold. */
export const thresholdName = (threshold: Threshold): string =>
  'months' in threshold ? `${threshold.months}m` : `${threshold.days}d`;

/** No month is longer and none is counted as shorter, so that an order by this is the order in time wherever it is strict. */
const longest = (threshold: Threshold): number => ('months' in threshold ? 31 * threshold.months : threshold.days);
const shortest = (threshold: Threshold): number => ('months' in threshold ? 28 * threshold.months : threshold.days);

/** Everything wrong with a policy that has the right form. */
export function noticeFindings(policy: NoticePolicy): Finding[] {
  return [...orderFindings(policy.thresholds), ...zoneFindings(policy.zone), ...addressFindings(policy)];
}

const orderFindings = (thresholds: readonly Threshold[]): Finding[] =>
  thresholds.flatMap((threshold, index) => {
    const before = thresholds[index - 1];
    if (before === undefined || shortest(before) > longest(threshold)) return [];
    return [
      {
        rule: 'thresholds go from the longest to the shortest',
        at: `/thresholds/${index}`,
        detail: 'this one may come before, or together with, the one above it',
      },
    ];
  });

function zoneFindings(zone: string): Finding[] {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return [];
  } catch {
    return [{ rule: 'IANA Time Zone Database', at: '/zone', detail: 'there is no such time zone' }];
  }
}

const addressFindings = ({ from, operators, alarms }: NoticePolicy): Finding[] => [
  ...checkMailbox(from.address, '/from/address', []),
  ...operators.flatMap(({ address }, index) => checkMailbox(address, `/operators/${index}/address`, [])),
  ...(alarms?.recipients ?? []).flatMap(({ address }, index) =>
    checkMailbox(address, `/alarms/recipients/${index}/address`, []),
  ),
];
