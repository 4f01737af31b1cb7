import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;

it('only the three lints make a Signable', () => {
  const files = globSync('{src,db,hsm,scripts}/**/*.ts', {
    cwd: ROOT,
    exclude: (name) => name.includes('node_modules'),
  });
  const makers = files.filter((file) =>
    /import\s*\{[^}]*\bsettle\b[^}]*\}\s*from\s*'[^']*signable\.ts'/.test(readFileSync(`${ROOT}${file}`, 'utf8')),
  );
  expect(makers.sort()).toEqual(['src/x509/lint-certificate.ts', 'src/x509/lint-crl.ts', 'src/x509/lint-ocsp.ts']);
});

it('nothing is called a Signable by assertion but by its maker', () => {
  const files = globSync('{src,db,hsm,scripts}/**/*.ts', {
    cwd: ROOT,
    exclude: (name) => name.includes('node_modules'),
  });
  const asserting = files.filter((file) =>
    /\bas (unknown as )?Signable\b|<Signable>/.test(readFileSync(`${ROOT}${file}`, 'utf8')),
  );
  expect(asserting).toEqual(['src/x509/signable.ts']);
});
