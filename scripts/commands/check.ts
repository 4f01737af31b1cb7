// One line of `igc doctor`.

export type CheckState = 'ok' | 'warn' | 'fail';
export type Check = {
  readonly check: string;
  readonly state: CheckState;
  readonly detail: string;
  readonly remedy: string | null;
};

export const ok = (check: string, detail: string): Check => ({ check, state: 'ok', detail, remedy: null });
export const warn = (check: string, detail: string, remedy: string): Check => ({
  check,
  state: 'warn',
  detail,
  remedy,
});
export const fail = (check: string, detail: string, remedy: string): Check => ({
  check,
  state: 'fail',
  detail,
  remedy,
});
