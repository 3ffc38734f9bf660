import path from 'node:path';

import { AppError } from '../../../base/errors.ts';
import { defineDriver } from '../../driver.ts';
import { HttpClient } from '../../network/http-client.ts';
import { tlsOptions, tlsTrust } from '../../network/tls.ts';
import { NodeDirectory } from './node-directory.ts';
import { TahoeStorage } from './tahoe-storage.ts';

const usualUrl = 'http://127.0.0.1:3456';

export const tahoeDriver = defineDriver({
  scheme: 'tahoe',
  title: 'Tahoe-LAFS grid, by the web interface of a node',
  urlForms: ['tahoe://alias[/directory]', 'tahoe://[directory]?dircap-file=FILE'],
  testedAgainst: 'a simulator',
  options: [
    {
      name: 'path',
      kind: 'string',
      help: 'Alias and directories below it; with a dircap, directories only',
      default: '',
    },
    {
      name: 'dircap',
      kind: 'secret',
      help: 'Capability of the directory (URI:DIR2:…), instead of an alias',
    },
    {
      name: 'url',
      kind: 'string',
      place: true,
      help: `Web interface of the node (otherwise the one that its directory names, or ${usualUrl})`,
    },
    {
      name: 'node-directory',
      kind: 'string',
      place: true,
      help: 'Directory of the node, where its aliases are (otherwise ~/.tahoe)',
    },
    ...tlsOptions,
  ],
  fromUrl({ user, password, path: place }) {
    if (user !== undefined || password !== undefined || /(?:^|\/)URI:/u.test(place)) {
      throw new AppError(
        'input/usage',
        'A Tahoe URL holds an alias, and neither a capability nor credentials',
        {
          hint: 'Whoever knows a capability has what it is for: give it with "dircap-file" or "dircap", and the address of the node with "url"',
        },
      );
    }
    return { path: place };
  },
  async open(options, { environment, signal }) {
    const { HOME: home } = environment;
    const directory =
      options['node-directory'] ?? (home === undefined ? undefined : path.join(home, '.tahoe'));
    const node = directory === undefined ? undefined : new NodeDirectory(directory);
    const parts = partsOf(options.path);
    const [alias, ...below] = parts;
    let capability = options.dircap;
    if (capability === undefined) {
      if (alias === undefined || node === undefined) {
        throw new AppError('input/usage', 'Neither a Tahoe alias nor a capability is given', {
          hint: 'Write tahoe://ALIAS/directory, or use the option "dircap-file"',
        });
      }
      capability = await node.alias(alias, { signal });
    }
    if (!/^URI:(?:DIR2|DIR2-RO|DIR2-MDMF|DIR2-MDMF-RO):[a-z2-7:]+$/u.test(capability.reveal())) {
      throw new AppError('input/usage', 'The Tahoe capability is not that of a directory', {
        hint: 'It begins with URI:DIR2: and holds small letters, the digits 2 to 7 and colons',
      });
    }
    const url = urlOf(options.url ?? (await node?.url({ signal })) ?? usualUrl);
    const trust =
      url.protocol === 'https:'
        ? await tlsTrust(options, { host: url.hostname, port: Number(url.port || 443), signal })
        : {};
    return new TahoeStorage(new HttpClient({ trust, connections: 16, environment }), {
      location: `tahoe://${parts.join('/')}`,
      url: url.href.replace(/\/+$/u, ''),
      capability,
      base: options.dircap === undefined ? below : parts,
    });
  },
});

function partsOf(place: string): readonly string[] {
  const parts = place.split('/').filter((part) => part !== '');
  if (parts.every((part) => part !== '.' && part !== '..')) return parts;
  throw new AppError('input/usage', `The path "${place}" of the destination has parts "." or ".."`);
}

function urlOf(text: string): URL {
  if (URL.canParse(text)) {
    const url = new URL(text);
    const isPlain =
      url.search === '' && url.hash === '' && url.username === '' && url.password === '';
    if ((url.protocol === 'http:' || url.protocol === 'https:') && isPlain) return url;
  }
  throw new AppError('input/usage', 'The option "url" is not the address of a Tahoe node', {
    hint: `It looks like ${usualUrl}`,
  });
}
