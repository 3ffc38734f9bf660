import { stringify } from 'yaml';

import { charmActions, type CharmParameter } from './charm-actions.ts';
import { charmHooks } from './charm-hooks.ts';
import { charmOptions } from './charm-options.ts';

/** A file of the charm folder. */
export interface CharmFile {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  readonly content: string;
  readonly executable: boolean;
}

/** A whole charm, made from the tables of options and actions that `holdfast run-action` goes by. */
export function charmFolder(version: string): CharmFile[] {
  const data = (path: string, value: unknown): CharmFile => ({
    path,
    content: stringify(value, { lineWidth: 100 }),
    executable: false,
  });
  const program = (path: string, body: string): CharmFile => ({
    path,
    content: `#!/bin/sh\n${body}`,
    executable: true,
  });
  const upwards = '"$(dirname "$0")/../lib/holdfast-charm"';
  return [
    data('metadata.yaml', metadata()),
    data('config.yaml', { options: Object.fromEntries(charmOptions.map(configEntry)) }),
    data('actions.yaml', Object.fromEntries(charmActions.map(actionEntry))),
    { path: 'version', content: `${version}\n`, executable: false },
    program('lib/holdfast-charm', launcher),
    ...charmHooks.map((name) => program(`hooks/${name}`, `exec ${upwards} charm hook ${name}\n`)),
    ...charmActions.map(({ name }) =>
      program(`actions/${name}`, `exec ${upwards} run-action ${name}\n`),
    ),
  ];
}

/** Finds the program: the one that the charm's resource brought, or that of the machine. */
const launcher = `# Runs Holdfast for the hooks and actions of this charm.
set -eu
if [ "\${3:-}" = install ] || [ "\${3:-}" = upgrade-charm ]; then
  resource=$(resource-get holdfast 2>/dev/null || true)
  if [ -n "$resource" ] && [ -s "$resource" ]; then
    mkdir -p /opt/holdfast
    tar -xzf "$resource" -C /opt/holdfast --strip-components=1
  fi
fi
for program in "\${HOLDFAST_PROGRAM:-}" /opt/holdfast/bin/holdfast "$(command -v holdfast || true)"; do
  if [ -n "$program" ] && [ -x "$program" ]; then
    exec "$program" "$@"
  fi
done
status-set blocked 'Holdfast is not installed: attach the resource "holdfast"'
# A hook that fails would be tried again and again; what is wrong is shown by the status.
[ "$1" = charm ] || action-fail 'Holdfast is not installed: attach the resource "holdfast"'
`;

const metadata = (): unknown => ({
  name: 'holdfast',
  summary: 'Backups that run by themselves and tell you',
  description:
    "Backs up a directory of the machine into an archive of duplicity's format, encrypted, to a server or a cloud, on a schedule; deletes what is old, verifies, restores, and tells Nagios.",
  tags: ['backup'],
  series: ['noble', 'jammy', 'focal'],
  subordinate: true,
  provides: {
    'nrpe-external-master': {
      interface: 'nrpe-external-master',
      scope: 'container',
      optional: true,
    },
  },
  requires: { 'general-info': { interface: 'juju-info', scope: 'container' } },
  resources: {
    holdfast: {
      type: 'file',
      filename: 'holdfast.tar.gz',
      description: 'The program with its Node.js; empty where it is installed already',
    },
  },
});

const configEntry = ({
  name,
  type,
  default: preset,
  description,
}: (typeof charmOptions)[number]): [string, unknown] => [
  name,
  { type, default: preset, description },
];

const actionEntry = ({
  name,
  description,
  parameters,
}: (typeof charmActions)[number]): [string, unknown] => {
  const required = parameters.filter((one) => one.required === true).map((one) => one.name);
  return [
    name,
    {
      description,
      ...(parameters.length > 0 && {
        params: Object.fromEntries(parameters.map((one) => [one.name, parameterSchema(one)])),
      }),
      ...(required.length > 0 && { required }),
      // Options may be given for one time only, so more parameters than these are taken.
      additionalProperties: true,
    },
  ];
};

const parameterSchema = ({ type, description, minimum, choices }: CharmParameter): unknown => ({
  type,
  description,
  ...(minimum !== undefined && { minimum }),
  ...(choices !== undefined && { enum: choices }),
});
