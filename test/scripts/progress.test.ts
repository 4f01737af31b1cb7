import { expect, test } from 'vitest';
import { startProgress, type Terminal } from '../../scripts/commands/progress.ts';

const ERASE = '\r\u001b[2K';

function terminal(isTTY: boolean): Terminal & { readonly written: string[] } {
  const written: string[] = [];
  return { isTTY, columns: 40, written, write: (text: string | Uint8Array) => written.push(String(text)) > 0 };
}

test('where a log takes it, progress is plain lines of what is over', () => {
  const log = terminal(false);
  const progress = startProgress(2, log);
  progress.begin('first: signing');
  progress.end('first: published');
  progress.say('\u001b[2Jmaking a key');
  progress.stop();
  expect(log.written).toEqual(['first: published\n', '\\u{1b}[2Jmaking a key\n']);
});

test('on a terminal the step under way is shown with its place, within one line, and erased when it is over', () => {
  const screen = terminal(true);
  const progress = startProgress(2, screen);
  progress.begin(`ACR-EL-TEST: ${'signing '.repeat(10)}`);
  const shown = screen.written.at(-1)?.replace(ERASE, '') ?? '';
  expect(shown).toMatch(/^\[1\/2\] ACR-EL-TEST: signing .* {2}0 s$/);
  expect(shown.length).toBeLessThan(40);
  progress.end('ACR-EL-TEST: published');
  expect(screen.written.slice(-2)).toEqual([ERASE, 'ACR-EL-TEST: published\n']);
  progress.begin('next');
  progress.stop();
  expect(screen.written.at(-1)).toBe(ERASE);
});

test('on a terminal a line of the ceremony stays, and ticks until the next one comes', async () => {
  const screen = terminal(true);
  const progress = startProgress(undefined, screen);
  progress.say('making a key');
  const before = screen.written.length;
  await expect.poll(() => screen.written.length).toBeGreaterThan(before);
  progress.say('certificate signed');
  progress.stop();
  expect(screen.written).toContain(`${ERASE}making a key\n`);
  expect(screen.written.at(-1)).toBe(`${ERASE}certificate signed\n`);
});
