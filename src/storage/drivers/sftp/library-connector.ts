import { connect as connectSocket, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';

import type {
  AnyAuthMethod,
  Client,
  ClientChannel,
  ConnectConfig,
  ServerHostKeyAlgorithm,
} from 'ssh2';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode, messageOf } from '../../../base/errors.ts';
import { homeDirectory } from '../../../base/home-directory.ts';
import { translateNetworkError } from '../../network/network-error.ts';
import type { ByteChannel } from './byte-channel.ts';
import {
  type ConnectionSettings,
  type Connector,
  connectTime,
  keepaliveMisses,
  whereIs,
} from './connection-settings.ts';
import { HostTrust } from './host-trust.ts';
import { inlineKey, type PrivateKey, readKeyFile, usableKey } from './private-key.ts';
import { SftpSession } from './session.ts';

/** The names under which `ssh-keygen` puts keys. */
const usualIdentities = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

type Library = typeof import('ssh2');

/** Connections by the SSH library, which is loaded when the first one is made. */
export class LibraryConnector implements Connector {
  readonly #settings: ConnectionSettings;
  readonly #where: string;
  readonly #user: string;
  #trust: Promise<HostTrust> | undefined;
  #methods: Promise<readonly AnyAuthMethod[]> | undefined;
  /** The index of the host key algorithms that led to a trusted key. */
  #offer = 0;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    this.#where = whereIs(settings);
    this.#user = settings.user ?? ownName(settings.environment);
  }

  async connect({ signal }: CallOptions): Promise<SftpSession> {
    const library: Library = (await import('ssh2')).default;
    const trust = await (this.#trust ??= this.#loadTrust());
    const methods = await (this.#methods ??= this.#findMethods(library));
    const { offers } = trust;
    for (; ; this.#offer++) {
      try {
        const channel = await this.#open(
          library,
          { trust, methods, algorithms: offers[this.#offer] ?? [] },
          { signal },
        );
        return await SftpSession.start(channel, { clock: this.#settings.clock, signal });
      } catch (error) {
        // The server has another key to show, of a type that is not trusted or that it does not have.
        const isLast = this.#offer + 1 >= offers.length;
        if (!hasCode(error, 'storage/untrusted') || isLast) {
          if (hasCode(error, 'storage/untrusted')) this.#offer = 0;
          throw error;
        }
      }
    }
  }

  async #open(
    library: Library,
    by: {
      readonly trust: HostTrust;
      readonly methods: readonly AnyAuthMethod[];
      readonly algorithms: readonly string[];
    },
    { signal }: CallOptions,
  ): Promise<ByteChannel> {
    const socket = await this.#connectSocket({ signal });
    const client = new library.Client();
    const ended = endOf(client);
    const stop = (): void => void socket.destroy();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      signal?.throwIfAborted();
      await this.#logIn(client, socket, by);
      const channel = await subsystem(client);
      return channelOf(client, socket, channel, ended);
    } catch (error) {
      socket.destroy();
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  async #connectSocket({ signal }: CallOptions): Promise<Socket> {
    const { host, port = 22 } = this.#settings;
    signal?.throwIfAborted();
    const socket = connectSocket({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      timeout: connectTime,
    });
    let stop: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        stop = () => reject(signal?.reason);
        signal?.addEventListener('abort', stop, { once: true });
        socket.once('connect', resolve);
        socket.once('error', reject);
        socket.once('timeout', () =>
          reject(
            new AppError(
              'storage/unavailable',
              `Cannot connect to "${this.#where}": it does not answer`,
            ),
          ),
        );
      });
      socket.setTimeout(0);
      return socket;
    } catch (error) {
      socket.destroy();
      signal?.throwIfAborted();
      throw translateNetworkError(error, `connect to "${this.#where}"`);
    } finally {
      if (stop !== undefined) signal?.removeEventListener('abort', stop);
    }
  }

  #logIn(
    client: Client,
    socket: Socket,
    {
      trust,
      methods,
      algorithms,
    }: {
      readonly trust: HostTrust;
      readonly methods: readonly AnyAuthMethod[];
      readonly algorithms: readonly string[];
    },
  ): Promise<void> {
    let distrust: AppError | undefined;
    const waiting = [...methods];
    return new Promise((resolve, reject) => {
      client.once('ready', () => resolve());
      client.on('error', (error) => {
        if (!isOfAgent(error)) reject(distrust ?? this.#translate(error));
      });
      client.once('close', () =>
        reject(
          distrust ?? new AppError('storage/unavailable', `"${this.#where}" closes the connection`),
        ),
      );
      const { keepalive } = this.#settings;
      const config: ConnectConfig = {
        sock: socket,
        username: this.#user,
        readyTimeout: connectTime,
        keepaliveInterval: keepalive,
        keepaliveCountMax: keepaliveMisses,
        // The names come from the table of algorithms that both sides know.
        algorithms: { serverHostKey: algorithms as ServerHostKeyAlgorithm[] },
        hostVerifier: (key: Buffer) => {
          distrust = trust.reasonAgainst(key);
          return distrust === undefined;
        },
        authHandler: (left, _partial, next) => {
          const index = waiting.findIndex(({ type }) => left === null || accepts(left, type));
          const [method] = index < 0 ? [] : waiting.splice(index, 1);
          if (method !== undefined) next(method);
          // The library wants to be told by "false" that nothing is left, which its types do not say.
          else next(false as never);
        },
      };
      client.connect(config);
    });
  }

  #translate(error: Error & { readonly level?: string }): unknown {
    if (error.level === 'client-authentication') {
      const ways = this.#settings.password === undefined ? 'key' : 'password or key';
      return new AppError(
        'storage/access-denied',
        `Cannot log in to "${this.#where}" as "${this.#user}": the server accepts no ${ways} that was offered`,
        {
          cause: error,
          hint: 'Look at the user, the password or the options "identity-file" and "identity-passphrase", and at "authorized_keys" on the server',
        },
      );
    }
    if (error.message.includes('no matching host key format')) {
      return new AppError(
        'storage/untrusted',
        `"${this.#where}" does not show the host key that is known`,
        {
          cause: error,
        },
      );
    }
    if (error.level === 'handshake') {
      return new AppError(
        'storage/unavailable',
        `Cannot agree with "${this.#where}" on a connection: ${error.message}`,
        {
          cause: error,
          hint: 'If the server knows newer or older algorithms than the library, the option "client=program" may help',
        },
      );
    }
    const translated = translateNetworkError(error, `connect to "${this.#where}"`);
    if (translated instanceof AppError) return translated;
    return new AppError(
      'storage/unavailable',
      `Cannot connect to "${this.#where}": ${error.message}`,
      { cause: error },
    );
  }

  async #loadTrust(): Promise<HostTrust> {
    const { host, port = 22, trust, environment } = this.#settings;
    const ofUser = filesOfUser(['known_hosts', 'known_hosts2'], environment);
    const usual = [...ofUser, '/etc/ssh/ssh_known_hosts'];
    return HostTrust.load({
      ...trust,
      host,
      port,
      knownHosts: trust.knownHosts.length > 0 ? trust.knownHosts : usual,
    });
  }

  /** Ways to log in, in the order in which they are tried: what was given, the agent, the usual files, then the password. */
  async #findMethods({ utils }: Library): Promise<readonly AnyAuthMethod[]> {
    const {
      identityFile,
      identity,
      password,
      passphrase = password,
      useAgent,
      environment,
    } = this.#settings;
    const username = this.#user;
    const publicKey = (key: PrivateKey): AnyAuthMethod => ({
      type: 'publickey',
      username,
      ...usableKey(key, utils.parseKey, passphrase),
    });
    const methods: AnyAuthMethod[] = [];
    if (identity !== undefined) methods.push(publicKey(inlineKey(identity)));
    if (identityFile !== undefined) methods.push(publicKey(await readKeyFile(identityFile)));
    const isExplicit = methods.length > 0;
    const agent = environment['SSH_AUTH_SOCK'];
    if (!isExplicit && useAgent && agent) methods.push({ type: 'agent', username, agent });
    if (!isExplicit) {
      for (const file of filesOfUser(usualIdentities, environment)) {
        try {
          methods.push(publicKey(await readKeyFile(file)));
        } catch (error) {
          // Nobody asked for this file: a missing one, or one that asks for a passphrase, is as good as none.
          if (!hasCode(error)) throw error;
        }
      }
    }
    if (password !== undefined) {
      methods.push({ type: 'password', username, password: password.reveal() });
      methods.push({
        type: 'keyboard-interactive',
        username,
        // Only questions that are answered without an echo are about a password.
        prompt: (_name, _instructions, _language, prompts, finish) =>
          finish(prompts.map(({ echo }) => (echo === true ? '' : password.reveal()))),
      });
    }
    // Only to hear what the server accepts; it is not asked for nothing where there is a key to offer at once.
    return methods[0]?.type === 'publickey' ? methods : [{ type: 'none', username }, ...methods];
  }
}

/** Those that `ssh` looks for in the user's directory; none for a user who has none. */
function filesOfUser(
  names: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const home = homeDirectory(environment);
  return home === undefined ? [] : names.map((name) => path.join(home, '.ssh', name));
}

/** The name of the user of this process. */
function ownName(environment: Readonly<Record<string, string | undefined>>): string {
  const name = environment['USER'] || environment['LOGNAME'];
  if (name) return name;
  try {
    return userInfo().username;
  } catch (cause) {
    throw new AppError('input/usage', 'This user has no name to log in with', {
      cause,
      hint: 'Put one into the URL, as in sftp://name@host/path',
    });
  }
}

/** Whether the server goes on with a method; an agent's keys are public keys. */
function accepts(left: readonly string[], type: string): boolean {
  return type === 'none' ? false : left.includes(type === 'agent' ? 'publickey' : type);
}

/** An agent that cannot be reached is as good as one without keys: the next way to log in is tried. */
function isOfAgent(error: Error & { readonly level?: string }): boolean {
  return error.level === 'agent';
}

/** Why the connection is over, once it is. */
function endOf(client: Client): Promise<Error> {
  return new Promise((resolve) => {
    client.on('error', (error) => {
      if (!isOfAgent(error)) resolve(error);
    });
    client.once('close', () => resolve(new Error('the server has closed it')));
  });
}

function subsystem(client: Client): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.once('close', () =>
      reject(new AppError('storage/unavailable', 'The connection to the server broke off')),
    );
    client.subsys('sftp', (error, channel) => {
      if (error === undefined) resolve(channel);
      else {
        reject(
          new AppError(
            'storage/access-denied',
            `The server gives no access by SFTP: ${messageOf(error)}`,
            {
              cause: error,
              hint: 'Look whether its configuration has a line "Subsystem sftp", and whether this user may use it',
            },
          ),
        );
      }
    });
  });
}

function channelOf(
  client: Client,
  socket: Socket,
  channel: ClientChannel,
  ended: Promise<Error>,
): ByteChannel {
  const closed = new Promise<Error>((resolve) => {
    channel.once('close', () => resolve(new Error('the server has closed it')));
  });
  channel.stderr.resume();
  return {
    output: channel,
    send(parts) {
      // The library writes each packet in three pieces, length and tag by themselves: they go out together.
      socket.cork();
      // Each piece becomes a packet of its own, so small parts are joined with what follows.
      channel.write(parts.length === 1 ? parts[0] : Buffer.concat(parts));
      socket.uncork();
    },
    ended: Promise.race([ended, closed]),
    async [Symbol.asyncDispose]() {
      client.end();
      socket.destroy();
    },
  };
}
