/** Dumps begin with less than this. */
const mostHead = 4096;

/**
 * Adds the character set and collation of the database to its dump, which has them only if it makes the database: behind its first comment, so that they are there before
 * any routine is made, which remembers them.
 *
 * @param properties as they stand in `ALTER DATABASE`
 */
export async function* withDatabaseProperties(
  dump: AsyncIterable<Uint8Array>,
  properties: string,
): AsyncGenerator<Uint8Array, void, void> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const piece of dump) {
    if (head === undefined) {
      yield piece;
      continue;
    }
    head = Buffer.concat([head, piece]);
    const end = endOfTitle(head);
    if (end === undefined && head.length < mostHead) continue;
    yield* insert(head, end, properties);
    head = undefined;
  }
  if (head !== undefined) yield* insert(head, endOfTitle(head), properties);
}

function* insert(head: Buffer, at: number | undefined, properties: string): Generator<Buffer> {
  // What does not begin as it should is not for here to judge.
  if (at === undefined) return yield head;
  yield head.subarray(0, at);
  yield Buffer.from(`ALTER DATABASE${properties};\n`);
  yield head.subarray(at);
}

/** Where the line behind the one that says what wrote the dump begins. */
function endOfTitle(head: Buffer): number | undefined {
  const text = head.toString('latin1');
  const title = /^-- (?:MariaDB|MySQL) dump .*\n/mu.exec(text);
  return title === null ? undefined : title.index + title[0].length;
}
