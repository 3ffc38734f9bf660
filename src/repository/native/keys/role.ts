import { MalformedError } from '../../../codec/binary/byte-reader.ts';

/** What somebody may do, and so which keys they hold (docs/formats/native.md, sections 6 and 10). */
export type Role = 'owner' | 'reader' | 'janitor' | 'writer';

const numbers: Readonly<Record<Role, number>> = { owner: 1, reader: 2, janitor: 3, writer: 4 };
const roles: readonly Role[] = ['owner', 'reader', 'janitor', 'writer'];

export function roleNumber(role: Role): number {
  return numbers[role];
}

/** Throws a `MalformedError` for a number that is no role. */
export function roleOfNumber(number: number): Role {
  const role = roles[number - 1];
  if (role === undefined) throw new MalformedError(`Role ${number} is not known`);
  return role;
}

/** Whether `text` names a role. */
export function isRole(text: unknown): text is Role {
  return typeof text === 'string' && Object.hasOwn(numbers, text);
}
