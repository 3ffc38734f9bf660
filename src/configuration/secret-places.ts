import type { Configuration } from '../model/configuration.ts';
import type { SecretValue } from '../model/secret-value.ts';
import { fileContent } from './write-configuration.ts';

/** A secret that a configuration does not hold but tells where it is. */
export interface SecretPlace {
  readonly path: readonly (string | number)[];
  readonly value: SecretValue;
}

/** All of them. */
export function secretPlaces(configuration: Configuration): SecretPlace[] {
  const found: SecretPlace[] = [];
  const visit = (value: unknown, path: readonly (string | number)[]): void => {
    if (typeof value !== 'object' || value === null) return;
    const under = path.at(-1);
    if (isPlace(value) && !(typeof under === 'string' && hasNamesOfItsOwn(under, path.length))) {
      found.push({ path, value });
      return;
    }
    for (const [key, inner] of Object.entries(value)) {
      visit(inner, [...path, Array.isArray(value) ? Number(key) : key]);
    }
  };
  visit(fileContent(configuration), []);
  return found;
}

const sections = new Set(['jobs', 'destinations', 'channels', 'periodicities']);
const mapsByName = new Set(['environment', 'headers', 'options', 'scratch', 'metricsLabels']);

/**
 * Whether what stands under a key has names that people choose, so that one may be `file` and yet no place of a secret. Sections are at depth 1 of a
 * configuration.
 */
export function hasNamesOfItsOwn(key: string | undefined, depth: number): boolean {
  return key !== undefined && (mapsByName.has(key) || (depth === 1 && sections.has(key)));
}

/** Nothing else in a configuration is an object with one of these keys alone. */
function isPlace(value: object): value is Exclude<SecretValue, string> {
  const [only, ...others] = Object.entries(value);
  if (only === undefined || others.length > 0) return false;
  const [key, inner] = only;
  if (key === 'command') return Array.isArray(inner);
  return ['file', 'environment', 'credential'].includes(key) && typeof inner === 'string';
}
