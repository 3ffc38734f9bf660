/** Hooks that Juju calls; all go to the same place. */
export const charmHooks = [
  'install',
  'upgrade-charm',
  'config-changed',
  'start',
  'update-status',
  'stop',
  'nrpe-external-master-relation-joined',
  'nrpe-external-master-relation-changed',
  'nrpe-external-master-relation-departed',
  'nrpe-external-master-relation-broken',
] as const;
export type CharmHook = (typeof charmHooks)[number];
