import { readFile, readdir } from 'node:fs/promises';

/**
 * Sends a signal to the programs of a process group that are not in `spared`. `false` where the system does not tell who belongs to a group (it has no
 * /proc as Linux has it), so nothing was done.
 */
export async function signalOthersOfGroup(
  group: number,
  name: NodeJS.Signals,
  spared: ReadonlySet<number>,
): Promise<boolean> {
  const members = await membersOfGroup(group);
  if (members === undefined) return false;
  for (const pid of members) {
    if (spared.has(pid)) continue;
    try {
      process.kill(pid, name);
    } catch {
      // It has ended by itself meanwhile.
    }
  }
  return true;
}

/** The process ids of a group; `undefined` where that cannot be found out. */
export async function membersOfGroup(group: number): Promise<readonly number[] | undefined> {
  let names: string[];
  try {
    names = await readdir('/proc');
  } catch {
    return undefined;
  }
  const pids = names.filter((name) => /^\d+$/u.test(name));
  if (pids.length === 0) return undefined;
  const groups = await Promise.all(pids.map(groupOf));
  return pids.flatMap((pid, index) => (groups[index] === group ? [Number(pid)] : []));
}

/** As in proc(5): the fifth field of `stat`; the second one may hold spaces and brackets. Those that have ended but are not waited for are nobody. */
async function groupOf(pid: string): Promise<number | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : Number(group);
  } catch {
    return undefined; // it has ended
  }
}
