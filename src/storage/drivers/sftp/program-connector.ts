import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { failureOf, runProgram, startProgram } from '../../../base/process.ts';
import { childEnvironment } from '../../network/child-environment.ts';
import type { ByteChannel } from './byte-channel.ts';
import { cipherOptions } from './cipher-order.ts';
import {
  type ConnectionSettings,
  type Connector,
  connectTime,
  whereIs,
} from './connection-settings.ts';
import { HostTrust, parseHostKey } from './host-trust.ts';
import { SftpSession } from './session.ts';
import { quotedPath, sshArguments, type SshOptions } from './ssh-arguments.ts';
import { sshFailure } from './ssh-failure.ts';

/** What the server is called in the file with the one key that it may have. */
const alias = 'holdfast-destination';

/** Connections by the `ssh` program, with all that its configuration can do. */
export class ProgramConnector implements Connector {
  readonly #settings: ConnectionSettings;
  readonly #where: string;
  readonly #environment: ConnectionSettings['environment'];
  #ciphers: Promise<SshOptions> | undefined;
  /** The index of the host key algorithms that led to a trusted key. */
  #offer = 0;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    this.#where = whereIs(settings);
    this.#environment = childEnvironment(settings.environment);
  }

  async connect({ signal }: CallOptions): Promise<SftpSession> {
    const offers = await this.#offers();
    for (; ; this.#offer++) {
      try {
        return await this.#connect(offers[this.#offer] ?? {}, { signal });
      } catch (error) {
        if (!hasCode(error, 'storage/untrusted')) throw error;
        if (this.#offer + 1 < offers.length) continue;
        this.#offer = 0;
        throw error;
      }
    }
  }

  async #connect(options: SshOptions, { signal }: CallOptions): Promise<SftpSession> {
    const { trust, clock } = this.#settings;
    this.#ciphers ??= cipherOptions(this.#settings, this.#environment);
    // Whoever waits for them is told.
    this.#ciphers.catch(() => undefined);
    await using directory =
      trust.hostKey === undefined ? undefined : await keyDirectory(trust.hostKey);
    const trusting = {
      ...(await this.#ciphers),
      ...(directory === undefined ? {} : onlyFile(directory.file, alias)),
      ...options,
    };
    const argv = sshArguments(this.#settings, trusting);
    try {
      const channel = await startSsh(argv, {
        environment: this.#environment,
        where: this.#where,
      });
      return await SftpSession.start(channel, { clock, signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (!hasCode(error, 'storage/untrusted')) throw error;
      throw await this.#withFingerprint(error, argv, { signal });
    }
  }

  /** Options for `ssh` that say which keys are trusted; more than one when the type of the right key is not known. */
  async #offers(): Promise<readonly SshOptions[]> {
    const { host, port = 22, trust } = this.#settings;
    const { hostKey, fingerprint, knownHosts } = trust;
    if (hostKey === undefined && fingerprint === undefined) {
      const [first] = knownHosts;
      return [first === undefined ? {} : onlyFile(first)];
    }
    const judge = await HostTrust.load({ host, port, hostKey, fingerprint, knownHosts: [] });
    const { offers } = judge;
    if (hostKey !== undefined) return [{ HostKeyAlgorithms: offers[0]?.join(',') ?? '' }];
    return offers.map((algorithms) => ({
      ...onlyFile('/dev/null'),
      HostKeyAlgorithms: algorithms.join(','),
      // It prints the key of the server as a known one if that has the fingerprint, and nothing otherwise.
      KnownHostsCommand: `/usr/bin/awk 'BEGIN { if (ARGV[1] == ARGV[2]) print ARGV[3], ARGV[4], ARGV[5] }' ${judge.fingerprint} %f %H %t %K`,
    }));
  }

  /** `ssh` does not tell the fingerprint of a key that it refuses, unless it is asked to explain itself. */
  async #withFingerprint(
    error: AppError,
    argv: readonly string[],
    { signal }: CallOptions,
  ): Promise<AppError> {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'holdfast-ssh-'));
    try {
      const log = path.join(directory, 'log');
      const [program, ...parameters] = argv;
      const at = argv.indexOf('-o') - 1;
      const verbose = [
        program ?? '',
        ...parameters.slice(0, at),
        '-o',
        'LogLevel=DEBUG1',
        '-E',
        log,
        ...parameters.slice(at),
      ];
      await runProgram(verbose, {
        environment: this.#environment,
        timeLimit: connectTime,
        signal,
      });
      const text = await readFile(log, 'utf8');
      const shown = /Server host key: (?<type>\S+) (?<fingerprint>SHA256:\S+)/u.exec(text)?.groups;
      const { type = '', fingerprint = '' } = shown ?? {};
      if (fingerprint === '') return error;
      return new AppError(
        error.code,
        `${error.message}; it shows a key of the type ${type} with the fingerprint ${fingerprint}`,
        {
          cause: error,
          ...(error.hint !== undefined && { hint: error.hint }),
          details: { fingerprint, type },
        },
      );
    } catch {
      // It was about to say more of a failure that is told anyway.
      signal?.throwIfAborted();
      return error;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

async function startSsh(
  argv: readonly string[],
  {
    environment,
    where,
  }: { readonly environment: ConnectionSettings['environment']; readonly where: string },
): Promise<ByteChannel> {
  const program = await startProgram(argv, { environment, grace: 1000 });
  return {
    output: program.output,
    send(parts) {
      program.input.cork();
      for (const part of parts) program.input.write(part);
      program.input.uncork();
    },
    ended: program.ended.then(
      (end) => sshFailure(failureOf(end) ?? 'it has ended', where, end.status),
      (error: unknown) =>
        new AppError('storage/unavailable', `The connection to "${where}" broke off`, {
          cause: error,
        }),
    ),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Only this file says which keys are known. */
function onlyFile(file: string, name?: string): SshOptions {
  return {
    UserKnownHostsFile: quotedPath(file),
    GlobalKnownHostsFile: '/dev/null',
    CheckHostIP: 'no',
    VerifyHostKeyDNS: 'no',
    UpdateHostKeys: 'no',
    ...(name === undefined ? {} : { HostKeyAlias: name, KnownHostsCommand: 'none' }),
  };
}

/** A file with one known key, as long as it takes to connect. */
async function keyDirectory(hostKey: string): Promise<AsyncDisposable & { readonly file: string }> {
  const { type, key } = parseHostKey(hostKey);
  const directory = await mkdtemp(path.join(os.tmpdir(), 'holdfast-ssh-'));
  const file = path.join(directory, 'known_hosts');
  await writeFile(file, `${alias} ${type} ${Buffer.from(key).toString('base64')}\n`, {
    mode: 0o600,
  });
  return {
    file,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
