/** How many objects the last error is kept of; each call fetches its own at once. */
const mostObjects = 500;
const mostWords = 5;

/** What rclone writes to standard error with `--use-json-log`: the port it listens on, and why an upload failed. */
export class RcloneLog {
  readonly #errors = new Map<string, string>();
  readonly #last: string[] = [];
  readonly #listeners = new Set<() => void>();
  #rest = '';
  #port: number | undefined;

  /** The port of its remote control, once it is known. */
  get port(): number | undefined {
    return this.#port;
  }

  /** The last things it complained about. */
  get lastWords(): string {
    return this.#last.join('; ');
  }

  add(piece: Buffer): void {
    const lines = (this.#rest + piece.toString('utf8')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-65_536);
    for (const line of lines) this.#take(line);
    for (const listener of this.#listeners) listener();
  }

  /** The port, as soon as it listens. */
  listening(): Promise<number> {
    return new Promise((resolve) => {
      this.#when(() => {
        if (this.#port !== undefined) resolve(this.#port);
        return this.#port !== undefined;
      });
    });
  }

  /** Why the upload of `object` failed; taken out. */
  errorOf(object: string): string | undefined {
    const said = this.#errors.get(object);
    this.#errors.delete(object);
    return said;
  }

  /** Calls `look` now and whenever something was written, until it gives true. */
  #when(look: () => boolean): void {
    if (look()) return;
    const listener = (): void => {
      if (look()) this.#listeners.delete(listener);
    };
    this.#listeners.add(listener);
  }

  #take(line: string): void {
    const { level, message, object } = parsed(line);
    if (message === '') return;
    const port = /^Serving remote control on https?:\/\/[^/]*:([0-9]+)\//u.exec(message)?.[1];
    if (port !== undefined) {
      this.#port ??= Number(port);
      return;
    }
    if (level !== 'error' && level !== 'fatal' && level !== 'critical') return;
    this.#last.push(message);
    if (this.#last.length > mostWords) this.#last.shift();
    // The first error is the reason, later ones are its consequences.
    if (object === '' || this.#errors.has(object)) return;
    this.#errors.set(object, message);
    if (this.#errors.size > mostObjects) {
      const [oldest] = this.#errors.keys();
      if (oldest !== undefined) this.#errors.delete(oldest);
    }
  }
}

interface LogLine {
  readonly level: string;
  readonly message: string;
  /** The name of what it is about; empty if it says none. */
  readonly object: string;
}

function parsed(line: string): LogLine {
  try {
    const { level, msg, object } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (typeof msg === 'string') {
      return {
        level: typeof level === 'string' ? level.toLowerCase() : 'error',
        message: msg.trim(),
        object: typeof object === 'string' ? object : '',
      };
    }
  } catch {
    // What it says before its log is set up, and its last words, are plain text.
  }
  const message = line.replace(/^[0-9]{4}\/[0-9/]+ [0-9:]+ /u, '').trim();
  return { level: 'fatal', message, object: '' };
}
