// Writes openapi.yaml from the routes. Run by hand after a route has changed: `npm run openapi`; tests only compare.

import { writeFileSync } from 'node:fs';
import { describeApi } from '../src/http/describe.ts';

writeFileSync(new URL('../openapi.yaml', import.meta.url), await describeApi());
