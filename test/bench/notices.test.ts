// What a run of killed senders is found to have done, from what was to be sent and what a mail server stored.
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../bench/notice-sink-main.ts';
import { tally, type WantedMail } from '../../bench/notice-tally.ts';

const wanted = (serial: string, email: string): WantedMail => ({
  ...{ certificateId: `id of ${serial}`, threshold: '2m', serial, email },
  messageId: `<notice.${serial}.2m@example.fr>`,
});
const delivery = ({ serial, email, messageId }: WantedMail, at = 0): Delivery => ({ serial, to: email, messageId, at });
const [A, B, C] = [wanted('4201', 'a@example.fr'), wanted('4201', 'b@example.fr'), wanted('4202', 'a@example.fr')];

describe('the mails of a run', () => {
  it('are lost when nobody has them, and come twice when somebody has one again', () => {
    const { lost, twice } = tally(
      [A, B, C],
      [A, B, B, B].map((mail) => delivery(mail)),
    );
    expect({ lost, twice }).toEqual({ lost: 1, twice: 2 });
  });

  it('are for one address each: what another has got makes up for nothing', () => {
    expect(tally([A, B], [delivery(A), delivery(A)])).toMatchObject({ lost: 1, twice: 1 });
  });

  it('have one Message-ID for a notice, whoever gets it; another one under which the same is told is seen', () => {
    expect(
      tally(
        [A, B, C],
        [A, B, C].map((mail) => delivery(mail)),
      ).messageIds,
    ).toBe(1);
    const other = { ...delivery(A), messageId: '<other@example.fr>' };
    expect(tally([A, B, C], [delivery(A), delivery(B), other]).messageIds).toBe(2);
  });

  it('are counted by the second over the nine tenths that came first, in whatever order they are told', () => {
    const deliveries = Array.from({ length: 10 }, (_, at) => delivery(A, at === 0 ? 60_000 : 1_000 * at));
    expect(tally([A], deliveries).rate).toBe(1);
  });
});
