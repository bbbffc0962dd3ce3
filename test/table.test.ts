import test from 'ava';
import { allOps, opTable, tableMismatch } from 'lowbit';
import { cases } from './ops/cases.js';

const tableNames = opTable()
  .map((op) => op.name)
  .sort();

test('every op of the table is in TypeScript, and the other way round', (t) => {
  t.deepEqual([...allOps.keys()].sort(), tableNames);
});

test('every op of the table has cases, and every case has an op', (t) => {
  t.deepEqual(Object.keys(cases).sort(), tableNames);
  for (const [name, list] of Object.entries(cases)) t.true(list.length > 0, name);
});

test('both sides agree on inputs and parameters', (t) => {
  for (const info of opTable()) {
    const op = allOps.get(info.name);
    if (op) t.is(tableMismatch(op, info), undefined, info.name);
  }
});

test('the last row of every op is its reference, and every machine can run it', (t) => {
  for (const { name, rows } of opTable()) {
    t.like(rows.at(-1), { variant: 'reference', device: 'cpu', needs: 'any', runnable: true }, name);
  }
});

test('no name is taken twice', (t) => {
  t.is(new Set(tableNames).size, tableNames.length);
});
