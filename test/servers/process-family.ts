import { readdir, readFile } from 'node:fs/promises';

/** A process and all that come from it, also those in groups of their own, as a PostgreSQL makes one for every connection. */
export async function processFamily(first: number): Promise<readonly number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/u.test(name)) continue;
    const parent = (await statusOf(Number(name)))?.parent;
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const family = [first];
  // Grows while it is walked.
  for (const member of family) {
    for (const [pid, parent] of parents) if (parent === member) family.push(pid);
  }
  return family;
}

/** Whether a process still does something: what is only waited for by its parent does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const status = await statusOf(pid);
  return status !== undefined && !/[ZX]/u.test(status.state);
}

async function statusOf(
  pid: number,
): Promise<{ readonly state: string; readonly parent: number } | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
  const [state = '', parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state, parent: Number(parent) };
}
