import type { CallOptions } from '../../base/call-options.ts';
import { hasCode, messageOf } from '../../base/errors.ts';
import type { CharmHook } from '../../configuration/charm/charm-hooks.ts';
import { type CharmValues, readCharmOptions } from '../../configuration/charm/charm-options.ts';
import { type CharmStatus, charmStatus } from '../../configuration/charm/charm-status.ts';
import type { JujuTools } from './juju-tools.ts';
import { installPackages } from './packages.ts';
import type { UnitFiles } from './unit-files.ts';

/** What a hook works with. */
export interface HookContext extends CallOptions {
  readonly juju: JujuTools;
  readonly files: UnitFiles;
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Writes or removes the checks of Nagios for this unit. */
  readonly checks: {
    install(context: string, servicegroups: string): Promise<void>;
    remove(): Promise<void>;
    /** Whether they are there: then a change of the options changes them, too. */
    areThere(): Promise<boolean>;
  };
}

/** Does what one of Juju's hooks asks for, and tells Juju the status of the unit. */
export async function runHook(name: CharmHook, context: HookContext): Promise<CharmStatus> {
  const { juju, files, checks } = context;
  const values = readCharmOptions(await juju.configuration());
  switch (name) {
    case 'install':
    case 'upgrade-charm':
      await juju.setStatus({ state: 'maintenance', message: 'Installing packages' });
      try {
        await installPackages(values, context);
      } catch (error) {
        if (!hasCode(error, 'input/invalid', 'process/failed')) throw error;
        return await tell({ state: 'blocked', message: messageOf(error) }, juju);
      }
      return await settle(values, context);
    case 'stop':
      await files.remove({ options: false });
      return await tell(charmStatus(values), juju);
    case 'nrpe-external-master-relation-departed':
      return await tell(charmStatus(values), juju);
    case 'nrpe-external-master-relation-broken':
      await checks.remove();
      return await tell(charmStatus(values), juju);
    case 'nrpe-external-master-relation-joined':
    case 'nrpe-external-master-relation-changed':
      await installChecks(values, context);
      return await tell(charmStatus(values), juju);
    case 'config-changed':
      if (await checks.areThere()) await installChecks(values, context);
      return await settle(values, context);
    case 'start':
    case 'update-status':
      return await settle(values, context);
  }
}

/**
 * Puts options that are valid into force. With others the unit is blocked, and what was in force before stays: a mistake in the options must not end backups. Only
 * an empty `backend` says that there shall be none.
 */
async function settle(values: CharmValues, { juju, files }: HookContext): Promise<CharmStatus> {
  const status = charmStatus(values);
  if (status.state === 'active') {
    await files.apply(values);
  } else if (values['backend'] === '') {
    await files.remove({ options: true });
  } else {
    const before = await files.savedOptions();
    const goesOn = before !== undefined && charmStatus(before).state === 'active';
    if (goesOn) await juju.log(`${status.message}. Backups go on as they were configured before`);
  }
  return await tell(status, juju);
}

async function installChecks(values: CharmValues, { checks }: HookContext): Promise<void> {
  const context = String(values['nagios_context']);
  const groups = String(values['nagios_servicegroups']);
  await checks.install(context, groups === '' ? context : groups);
}

async function tell(status: CharmStatus, juju: JujuTools): Promise<CharmStatus> {
  await juju.setStatus(status);
  return status;
}
