import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadPolicies } from '../../src/policy/load.ts';
import { thresholdName } from '../../src/policy/notices.ts';
import { copyPolicies, type PoliciesCopy } from './policies-copy.ts';

const FILE = 'notices.yaml';
let copy: PoliciesCopy;
beforeEach(() => {
  copy = copyPolicies();
});
afterEach(() => copy.remove());

it('the terms of use promise two months, and the rest is said as policy', () => {
  const { thresholds, zone, sender } = loadPolicies(copy.directory).notices;
  expect(thresholds.map(thresholdName)).toEqual(['2m', '30d', '15d', '7d', '1d']);
  expect(zone).toBe('Europe/Paris');
  expect(sender.tls).toBe('required');
});

describe('start-up refuses', () => {
  it.each([
    ['an unknown key', '/surprise', true, '#/surprise'],
    ['no thresholds', '/thresholds', [], '#/thresholds'],
    ['a threshold of nothing', '/thresholds', [{ days: 0 }], '#/thresholds/0/days'],
    ['thresholds the wrong way round', '/thresholds', [{ days: 7 }, { days: 30 }], '#/thresholds/1'],
    ['one threshold twice', '/thresholds', [{ days: 7 }, { days: 7 }], '#/thresholds/1'],
    ['a month and 30 days, which may be the same', '/thresholds', [{ months: 1 }, { days: 30 }], '#/thresholds/1'],
    ['a zone that is none', '/zone', 'Europe/Atlantis', '#/zone'],
    ['a sender with a second header', '/from/address', 'a@example.fr\r\nBcc: b@example.fr', '#/from/address'],
    ['a name with a line end', '/from/name', 'IGC\r\nBcc: b@example.fr', '#/from/name'],
    ['nobody who gets the rest', '/operators', [], '#/operators'],
    ['an operator without a mailbox', '/operators', [{ address: 'nobody', language: 'fr' }], '#/operators/0/address'],
    ['nobody who is mailed alarms', '/alarms/recipients', [], '#/alarms/recipients'],
    [
      'who is mailed alarms without a mailbox',
      '/alarms/recipients',
      [{ address: 'nobody', language: 'fr' }],
      '#/alarms/recipients/0/address',
    ],
    ['no mail of alarms in an hour', '/alarms/perHour', 0, '#/alarms/perHour'],
    ['no word on TLS', '/sender/tls', 'perhaps', '#/sender/tls'],
    ['a deadline of nothing', '/sender/deadlineSeconds', 0, '#/sender/deadlineSeconds'],
    ['a digest at no time of day', '/digest/at', '25:00', '#/digest/at'],
  ] as const)('%s', (_, pointer, value, at) => {
    copy.set(FILE, pointer, value);
    expect(copy.refused().map(([place]) => place)).toContain(`${FILE}${at}`);
  });
});
