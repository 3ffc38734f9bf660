import { hasCode } from '../../../base/errors.ts';
import { defineDriver } from '../../driver.ts';
import { withoutEffect } from '../../foreign-option.ts';
import type { NameCodec } from '../../network/escaped-name.ts';
import { RcloneConnection, type RemoteFacts } from '../../network/rclone/rclone-connection.ts';
import { parseRcloneFlags, rcloneEnvironment } from '../../network/rclone/rclone-flags.ts';
import { RcloneStorage } from '../../network/rclone/rclone-storage.ts';
import { unknownRemote } from './known-remotes.ts';
import { listingLagOf } from './listing-lag.ts';
import { parseRemoteName, withParts } from './remote-name.ts';

/** rclone itself writes what a service cannot hold in another way. */
const asTheyAre: NameCodec = {
  encode: (name) => name,
  decode: (path) => path,
  keepsCase: true,
};

export const rcloneDriver = defineDriver({
  scheme: 'rclone',
  title: 'Everything that rclone speaks',
  urlForms: ['rclone://remote:path', 'rclone://remote/path'],
  testedAgainst: 'rclone 1.60 with WebDAV, SFTP and local remotes',
  needs: 'rclone',
  options: [
    {
      name: 'remote',
      kind: 'string',
      help: 'Remote and path as rclone writes them, remote:path',
      required: true,
    },
    {
      name: 'rclone-remote-repository',
      kind: 'string',
      help: 'The remote, instead of the one in the URL, in the words of Duplicati',
    },
    {
      name: 'rclone-remote-path',
      kind: 'string',
      help: 'The path on the remote, instead of the one in the URL, in the words of Duplicati',
    },
    {
      name: 'program',
      kind: 'string',
      help: 'Name or path of the program rclone, 1.60 or later',
      default: 'rclone',
      aliases: ['rclone-executable'],
    },
    {
      name: 'config',
      kind: 'string',
      place: true,
      help: "Configuration file of rclone, instead of the user's own; rclone must be able to write it",
      environment: ['RCLONE_CONFIG'],
    },
    {
      name: 'config-password',
      kind: 'secret',
      help: 'Password of an encrypted configuration file',
      environment: ['RCLONE_CONFIG_PASS'],
    },
    {
      name: 'flags',
      kind: 'string',
      help: 'Further flags for rclone, as "--drive-chunk-size=64M --tpslimit=5"',
      aliases: ['rclone-option'],
    },
    {
      name: 'listing-lag',
      kind: 'duration',
      help: 'Time after which listings of the remote are sure to be complete; known for most file servers',
    },
    withoutEffect('rclone-local-repository', 'files do not go by way of a remote of this machine'),
  ],
  fromUrl: ({ path }) => ({ remote: path }),
  async open(options, { clock, environment, signal }) {
    const { remote, configured, isPlain } = parseRemoteName(
      withParts(options.remote, {
        name: options['rclone-remote-repository'],
        path: options['rclone-remote-path'],
      }),
    );
    const password = options['config-password']?.reveal();
    const settings = {
      program: options.program,
      remote,
      environment: {
        ...rcloneEnvironment(environment),
        ...(options.config !== undefined && { RCLONE_CONFIG: options.config }),
        ...(password !== undefined && { RCLONE_CONFIG_PASS: password }),
      },
      flags: parseRcloneFlags(options.flags ?? ''),
    };
    const connection = new RcloneConnection(settings);
    let facts: RemoteFacts;
    try {
      facts = await connection.facts({ signal });
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      if (configured === undefined || !hasCode(error, 'input/usage')) throw error;
      throw await unknownRemote(configured, settings, { signal, cause: error });
    }
    const lag = options['listing-lag'];
    return new RcloneStorage({
      location: `rclone://${isPlain ? remote : remote.replace(/[,:].*:/su, ',***:')}`,
      connection,
      facts,
      names: asTheyAre,
      moveIsExclusive: false,
      listingLag: lag === undefined ? listingLagOf(facts.description) : lag / 1000,
      concurrency: 12,
      clock,
    });
  },
});
