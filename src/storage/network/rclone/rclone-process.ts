import { connect, type ClientHttp2Session } from 'node:http2';

import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { failureOf, type Program, startProgram } from '../../../base/process.ts';
import { systemRandom } from '../../../base/random.ts';
import { HttpClient, type HttpResponse } from '../http-client.ts';
import { ProgramPipes } from './program-pipes.ts';
import { rcloneEndError, rcloneError } from './rclone-error.ts';
import { RcloneLog } from './rclone-log.ts';

/** How rclone is started. */
export interface RcloneSettings {
  /** Its name or path. */
  readonly program: string;
  /** What it is to serve, as on its command line: `remote:path`. */
  readonly remote: string;
  /** Its whole environment; passwords belong here, not in the flags. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: readonly string[];
}

/** The name under which it serves the remote, so that no special character of the remote's name or path matters. */
export const servedRemote = 'holdfast:';

const user = 'holdfast';
const largestAnswer = 1024;
const silence = 60 * 60_000;
/** Milliseconds for what an upload failed of to come through the other pipe. */
const patienceForWords = 500;

/**
 * One running rclone, with two doors: uploads go through its standard input and output (`serve restic --stdio`, the only door that knows
 * the length of what comes), everything else through its remote control on a port of loopback, behind a password made for it. It ends when
 * its standard input does, and so also when this process is killed.
 */
export class RcloneProcess implements AsyncDisposable {
  readonly log: RcloneLog;
  readonly #program: Program;
  readonly #pipes: ProgramPipes;
  readonly #session: ClientHttp2Session;
  readonly #http: HttpClient;
  readonly #authorization: string;
  #alive = true;

  private constructor(program: Program, log: RcloneLog, password: string) {
    this.#program = program;
    this.log = log;
    const pipes = new ProgramPipes(program);
    // Its failures are those of the session.
    pipes.on('error', () => undefined);
    this.#pipes = pipes;
    this.#session = connect('http://rclone', {
      createConnection: () => pipes,
      // The default of 10 MB makes Node end the session when several large pieces are on their way.
      maxSessionMemory: largestAnswer,
    });
    // Calls under way fail by themselves; what it ended with is told by whoever calls next.
    this.#session.on('error', () => void (this.#alive = false));
    this.#session.once('close', () => void (this.#alive = false));
    const end = (): void => {
      this.#alive = false;
      // Ending the session would write to the pipes once more, which Node does not survive.
      pipes.destroy();
    };
    program.ended.then(end, end);
    this.#http = new HttpClient({ connections: 64, environment: {}, patience: silence });
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  /** Starts it; resolves when its remote control answers. Throws `process/failed` when it cannot be started. */
  static async start(settings: RcloneSettings): Promise<RcloneProcess> {
    const log = new RcloneLog();
    const password = toHex(systemRandom(24));
    const program = await startProgram(argvOf(settings), {
      environment: {
        ...settings.environment,
        RCLONE_CONFIG_HOLDFAST_TYPE: 'alias',
        RCLONE_CONFIG_HOLDFAST_REMOTE: settings.remote,
        RCLONE_RC_USER: user,
        RCLONE_RC_PASS: password,
      },
      grace: 2000,
      onErrorOutput: (piece) => log.add(piece),
    }).catch((cause: unknown) => {
      throw missing(settings.program, cause);
    });
    const started = await Promise.race([
      log.listening().then(() => true),
      program.ended.then(() => false),
    ]);
    // A session with one that has ended already would write to closed pipes, which Node does not survive.
    if (started) return new RcloneProcess(program, log, password);
    await using _ended = program;
    throw await endOf(program, log);
  }

  /** Whether calls can be made. */
  get isAlive(): boolean {
    return this.#alive;
  }

  get session(): ClientHttp2Session {
    return this.#session;
  }

  /** Calls a method of the remote control. Throws what rclone reports; `action` reads like `list "packs/"`. */
  async call(
    method: string,
    parameters: Readonly<Record<string, unknown>>,
    { action, signal }: CallOptions & { readonly action: string },
  ): Promise<Readonly<Record<string, unknown>>> {
    const response = await this.#request('POST', method, { action, signal }, {}, parameters);
    const answer = (await response.json()) as Readonly<Record<string, unknown>>;
    if (response.status === 200) return answer;
    const said = answer['error'];
    throw rcloneError(typeof said === 'string' ? said : `status ${response.status}`, action);
  }

  /** Asks for the bytes of an object by its path on the remote. */
  download(
    remote: string,
    headers: Readonly<Record<string, string>>,
    options: CallOptions & { readonly action: string },
  ): Promise<HttpResponse> {
    const path = `${encodeURIComponent(`[${servedRemote}]`)}/${encodedPath(remote)}`;
    return this.#request('GET', path, options, headers);
  }

  /** What rclone wrote about the failed upload of `remote`; it comes through another pipe than the answer, so perhaps later. */
  async wordsAbout(remote: string): Promise<string> {
    for (let waited = 0; waited < patienceForWords; waited += 10) {
      const said = this.log.errorOf(remote);
      if (said !== undefined) return said;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this.log.lastWords;
  }

  /** Why it ended. */
  reasonOfEnd(): Promise<AppError> {
    return endOf(this.#program, this.log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#alive = false;
    this.#pipes.destroy();
    await this.#http[Symbol.asyncDispose]();
    await this.#program[Symbol.asyncDispose]();
  }

  async #request(
    method: 'GET' | 'POST',
    path: string,
    { action, signal }: CallOptions & { readonly action: string },
    headers: Readonly<Record<string, string>>,
    parameters?: Readonly<Record<string, unknown>>,
  ): Promise<HttpResponse> {
    const url = `http://127.0.0.1:${this.log.port ?? 0}/${path}`;
    try {
      return await this.#http.request({
        method,
        url,
        headers: {
          authorization: this.#authorization,
          ...(parameters && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(parameters && { body: JSON.stringify(parameters) }),
        action,
        signal,
      });
    } catch (error) {
      // It ends when the remote cannot be opened, and says why.
      if (!hasCode(error, 'storage/unavailable')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
      throw this.#alive ? error : await this.reasonOfEnd();
    }
  }
}

/** The path of a URL for a path on the remote. */
export function encodedPath(remote: string): string {
  return remote.split('/').map(encodeURIComponent).join('/');
}

async function endOf(program: Program, log: RcloneLog): Promise<AppError> {
  const end = await program.ended;
  if (log.lastWords !== '') return rcloneEndError(log.lastWords);
  return new AppError(
    'storage/unavailable',
    `"${program.name}" has ended: ${failureOf(end) ?? 'by itself'}`,
    { hint: `See whether "${program.name} version" says 1.60 or later` },
  );
}

function argvOf({ program, flags }: RcloneSettings): readonly string[] {
  return [
    program,
    'serve',
    'restic',
    servedRemote,
    '--stdio',
    // Others may change what is there.
    '--cache-objects=false',
    '--rc',
    '--rc-addr=127.0.0.1:0',
    '--rc-serve',
    '--use-json-log',
    '--ask-password=false',
    // Objects of the same size and time may differ all the same.
    '--ignore-times',
    // The time of the last write, without a request for each object.
    '--use-server-modtime',
    ...flags,
  ];
}

function missing(program: string, cause: unknown): unknown {
  if (!hasCode(cause, 'process/failed')) return cause;
  return new AppError('process/failed', `Cannot start "${program}", which this storage needs`, {
    cause,
    hint: 'Install rclone (https://rclone.org/install/, or "apt install rclone"), or name it with the option "program"',
  });
}
