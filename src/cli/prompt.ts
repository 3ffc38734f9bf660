import { AppError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { CliContext } from './context.ts';

/**
 * Asks on the terminal (standard error) and reads a line from standard input. With `hidden`, what is typed is not shown. Rejects with
 * `interrupted` at Ctrl-C and at the end of input.
 */
export async function ask(
  question: string,
  context: Pick<CliContext, 'stdin' | 'stderr' | 'signal'>,
  { hidden = false }: { readonly hidden?: boolean } = {},
): Promise<string> {
  const { stdin, stderr, signal } = context;
  signal.throwIfAborted();
  stderr.write(question);
  if (hidden) stdin.setRawMode?.(true);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const line = new LineEditor();
  const onData = (data: Buffer | string): void => {
    const { outcome, rest } = line.type(typeof data === 'string' ? Buffer.from(data) : data);
    if (outcome === 'more') return;
    stdin.off('data', onData).pause();
    // Typed ahead, for the next question.
    if (rest.length > 0) stdin.unshift(rest);
    if (outcome === 'done') resolve(line.text);
    else reject(interrupted());
  };
  const onEnd = (): void => reject(interrupted());
  const onAbort = (): void => reject(signal.reason);
  stdin.on('data', onData).once('end', onEnd).once('error', reject);
  // After an earlier question the stream is paused, and a listener alone does not wake it.
  stdin.resume();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    stdin.off('data', onData).off('end', onEnd).off('error', reject);
    stdin.pause();
    if (hidden) {
      stdin.setRawMode?.(false);
      stderr.write('\n');
    }
  }
}

/** Asks for a passphrase, twice when it is a new one, until both are the same and not empty. */
export async function askPassphrase(
  what: string,
  context: Pick<CliContext, 'stdin' | 'stderr' | 'signal'>,
  { repeat = false }: { readonly repeat?: boolean } = {},
): Promise<Secret> {
  for (;;) {
    const typed = await ask(`${what}: `, context, { hidden: true });
    if (typed === '') {
      context.stderr.write('The passphrase is empty; type one\n');
    } else if (!repeat || typed === (await ask(`${what} again: `, context, { hidden: true }))) {
      return new Secret(typed);
    } else {
      context.stderr.write('They differ; type it twice again\n');
    }
  }
}

/** Asks a question that is answered with yes or no; anything but yes is no. */
export async function askYesNo(
  question: string,
  context: Pick<CliContext, 'stdin' | 'stderr' | 'signal'>,
): Promise<boolean> {
  return /^y(?:es)?$/iu.test((await ask(`${question} [y/N] `, context)).trim());
}

function interrupted(): AppError {
  return new AppError('interrupted', 'Interrupted at a question');
}

/** Turns keystrokes into a line: in raw mode nobody else handles erasing and Ctrl-C. */
class LineEditor {
  #bytes: number[] = [];

  get text(): string {
    return Buffer.from(this.#bytes).toString('utf8');
  }

  /** Takes keystrokes up to the end of the line; `rest` is what came after it. */
  type(data: Buffer): { outcome: 'more' | 'done' | 'interrupt' | 'end'; rest: Buffer } {
    for (const [index, byte] of data.entries()) {
      if (byte === 0x0d || byte === 0x0a) {
        const isPair = byte === 0x0d && data[index + 1] === 0x0a;
        return { outcome: 'done', rest: data.subarray(index + (isPair ? 2 : 1)) };
      }
      if (byte === 0x03) return { outcome: 'interrupt', rest: Buffer.alloc(0) };
      if (byte === 0x04 && this.#bytes.length === 0) {
        return { outcome: 'end', rest: Buffer.alloc(0) };
      }
      if (byte === 0x7f || byte === 0x08) {
        // One character, which may be several bytes.
        while (this.#bytes.length > 0 && (this.#bytes.pop()! & 0xc0) === 0x80);
      } else if (byte === 0x15) {
        this.#bytes = [];
      } else if (byte !== 0x04) {
        this.#bytes.push(byte);
      }
    }
    return { outcome: 'more', rest: Buffer.alloc(0) };
  }
}
