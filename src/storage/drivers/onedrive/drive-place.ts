import { AppError, hasCode } from '../../../base/errors.ts';
import type { RawValue } from '../../option-schema.ts';
import { folderOf } from '../../network/oauth-options.ts';
import type { DestinationUrl } from '../../url.ts';
import type { GraphApi } from './graph-api.ts';

/** Whose drive it is. */
export interface DrivePlace {
  readonly place: 'own' | 'site' | 'group';
  readonly driveId: string | undefined;
  /** An id, or `HOST` or `HOST:/sites/NAME`. */
  readonly site: string | undefined;
  readonly groupId: string | undefined;
  readonly groupEmail: string | undefined;
  /** A path of Graph: `me/drive`. */
  readonly drive: string;
  readonly appFolder: boolean;
}

const sharepointHost = /\.sharepoint(?:-mil)?\.(?:com|us|cn|de)$/iu;

/** What the forms of the URL say. Throws `input/usage` for the old forms, with the new one. */
export function placeInUrl(url: DestinationUrl): Readonly<Record<string, RawValue>> {
  if (url.scheme === 'od4b' || url.scheme === 'mssp') {
    throw new AppError(
      'input/usage',
      `"${url.scheme}://" signed in by a way that Microsoft has closed`,
      {
        hint:
          url.scheme === 'od4b'
            ? 'Write onedrive://path, and sign in with the work account'
            : 'Write sharepoint://HOST/sites/NAME/path',
      },
    );
  }
  if (url.scheme === 'msgroup') return { place: 'group', folder: folderOf(url) };
  if (url.scheme !== 'sharepoint') return { folder: folderOf(url) };
  const host = url.host ?? '';
  // An id of a site is its host and two GUIDs.
  if (host.includes(','))
    return { place: 'site', site: host, folder: folderOf({ path: url.path }) };
  if (!sharepointHost.test(host)) return { place: 'site', folder: folderOf(url) };
  const [site, path] = splitSite(url.path);
  const folder = folderOf({ path }).replace(/^Shared Documents(?:\/|$)/u, '');
  return { place: 'site', site: site === '' ? host : `${host}:${site}`, folder };
}

/** The path of the site and the rest: after two slashes, or after `/sites/NAME`. */
function splitSite(path: string): readonly [site: string, rest: string] {
  const double = path.indexOf('//');
  if (double >= 0) return [path.slice(0, double), path.slice(double + 2)];
  const site = /^\/(?:sites|teams|personal)\/[^/]+/iu.exec(path)?.[0] ?? '';
  return [site, path.slice(site.length)];
}

/**
 * The path of Graph to the folder under which everything is: `/me/drive/root`. Looks whether it is there; throws
 * `storage/no-container` otherwise, `input/usage` when it is not said which one.
 */
export async function findRoot(api: GraphApi, place: DrivePlace): Promise<string> {
  const drive = await findDrive(api, place);
  const root = `${drive}/${place.appFolder ? 'special/approot' : 'root'}`;
  await orNone('the account has no OneDrive, or does not see this one', () =>
    api.item(root, 'open the drive', {}),
  );
  return root;
}

async function findDrive(api: GraphApi, place: DrivePlace): Promise<string> {
  const { driveId, site, groupId, groupEmail } = place;
  if (driveId !== undefined) return `/drives/${encodeURIComponent(driveId)}`;
  if (site !== undefined) return `/sites/${await siteId(api, site)}/drive`;
  if (groupId !== undefined) return `/groups/${encodeURIComponent(groupId)}/drive`;
  if (groupEmail !== undefined) return `/groups/${await groupOf(api, groupEmail)}/drive`;
  if (place.place === 'own') return `/${place.drive.replaceAll(/^\/+|\/+$/gu, '')}`;
  throw place.place === 'site'
    ? new AppError('input/usage', 'It is not said which SharePoint site is meant', {
        hint: 'Write sharepoint://HOST/sites/NAME/path, or give the option "site-id"',
      })
    : new AppError('input/usage', 'It is not said which group is meant', {
        hint: 'Give the option "group-email" or "group-id"',
      });
}

async function siteId(api: GraphApi, site: string): Promise<string> {
  if (!site.includes('.') || site.includes(',')) return encodeURIComponent(site);
  const [host = '', ...rest] = site.split(':');
  const path = rest.join(':').split('/').map(encodeURIComponent).join('/');
  const call = `/sites/${encodeURIComponent(host)}${path === '' ? '' : `:${path}`}`;
  const found = await orNone(`there is no site "${site}" that this account sees`, () =>
    api.get(call, 'find the site', {}),
  );
  const id = (found as { readonly id?: unknown } | null)?.id;
  if (typeof id === 'string') return encodeURIComponent(id);
  throw new AppError(
    'storage/unavailable',
    `The answer about the site "${site}" is not understood`,
  );
}

async function groupOf(api: GraphApi, email: string): Promise<string> {
  const filter = encodeURIComponent(`mail eq '${email.replaceAll("'", "''")}'`);
  const found = (await api.get(`/groups?$filter=${filter}&$select=id`, 'find the group', {})) as {
    readonly value?: readonly { readonly id?: string }[];
  } | null;
  const id = found?.value?.[0]?.id;
  if (typeof id === 'string') return encodeURIComponent(id);
  throw new AppError(
    'storage/no-container',
    `There is no group "${email}" that this account sees`,
    {
      hint: 'Look at the address, and whether the account is a member',
    },
  );
}

async function orNone<Result>(text: string, look: () => Promise<Result>): Promise<Result> {
  try {
    return await look();
  } catch (cause) {
    if (!hasCode(cause, 'storage/not-found')) throw cause;
    throw new AppError('storage/no-container', `Cannot open the drive: ${text}`, {
      cause,
      hint: 'Open it once in the browser with this account, and look at "drive-id", "site-id", "group-id" or "group-email"',
    });
  }
}
