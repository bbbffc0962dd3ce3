#!/usr/bin/env node
// The command: everything is in dist/cli. A fresh clone has no dist yet.
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) {
  process.exitCode = await (await import(main.href)).main(process.argv.slice(2));
} else {
  console.error('lowbit is not built yet: run `npm install && npm run compile` in its folder.');
  process.exitCode = 3;
}
