/** Which operators a runtime has kernels for. */
import type { Element } from './elements.js';

/**
 * By operator (`domain.name` outside the default domain) the element types that there are kernels for, of the value whose type decides
 * (`decidingType`); 'any' where types were not looked at.
 */
export type Kernels = ReadonlyMap<string, ReadonlySet<Element> | 'any'>;

/** Rows of element types and operators: ['f32 f64', 'Ceil Cos']. */
export type KernelRows = readonly (readonly [types: string, operators: string])[];

/** A table of such rows; all operators are of one domain. */
export function kernels(rows: KernelRows, domain = ''): Kernels {
  const prefix = domain && `${domain}.`;
  return new Map(
    rows.flatMap(([types, operators]) => {
      const set = types === 'any' ? types : new Set(types.split(' ') as Element[]);
      return operators.split(' ').map((operator) => [prefix + operator, set] as const);
    }),
  );
}

/** The part of a table with these element types, without operators of none of them and those of any type. */
export function restricted(table: Kernels, to: readonly Element[]): Kernels {
  const rows = [...table].flatMap(([operator, types]) => {
    const left = types === 'any' ? [] : to.filter((type) => types.has(type));
    return left.length > 0 ? [[operator, new Set(left)] as const] : [];
  });
  return new Map(rows);
}
