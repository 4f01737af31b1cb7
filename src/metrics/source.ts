// A part of the service that is asked for its numbers at each scrape, and how they are written down.

import type { GaugeName, LabelsOf } from './catalogue.ts';

/** One value of one gauge. */
export type Sample<Name extends GaugeName = GaugeName> = {
  [Each in Name]: { readonly name: Each; readonly labels: LabelsOf<Each>; readonly value: number };
}[Name];

export type Source = {
  /** shown as the label of igc_source_up */
  readonly name: string;
  /** may throw: its gauges are then absent, and igc_source_up is 0 */
  read(): readonly Sample[] | Promise<readonly Sample[]>;
};

/** A gauge that has no labels. */
export const plain = <Name extends GaugeName>(name: Name, value: number): Sample<Name> =>
  ({ name, labels: {}, value }) as Sample<Name>;

/** Prometheus counts in whole and broken seconds since 1970. */
export const timestamp = (date: Date): number => date.getTime() / 1_000;
