/**
 * Leaves the line out with which newer dumps of MariaDB begin: it is a command of the client, enters a mode in which a dump cannot run programs, and ends older
 * clients, and those of MySQL, with an error.
 */
export async function* withoutSandboxLine(
  dump: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const piece of dump) {
    if (head === undefined) {
      yield piece;
      continue;
    }
    head = Buffer.concat([head, piece]);
    if (!head.includes(0x0a) && head.length < 1024) continue;
    yield strip(head);
    head = undefined;
  }
  if (head !== undefined) yield strip(head);
}

function strip(head: Buffer): Buffer {
  const line = /^\/\*M?!999999\\- enable the sandbox mode \*\/[ \t]*\r?\n/u.exec(
    head.subarray(0, 1024).toString('latin1'),
  );
  return line === null ? head : head.subarray(line[0].length);
}
