import { actions } from './action-table.ts';
import { optionTable } from './option-table.ts';

const urls = [
  'azure://container_name',
  'b2://account_id[:application_key]@bucket_name/[some_dir/]',
  'boto3+s3://bucket_name[/prefix]',
  'dpbx:///some_dir',
  'file:///some_dir',
  'ftp://user[:password]@other.host[:port]/some_dir',
  'ftps://user[:password]@other.host[:port]/some_dir',
  'gdrive://service_account_email/target-folder/?driveID=ID',
  'gs://bucket[/prefix]',
  'multi:///path/to/config.json',
  'onedrive://some_dir',
  'par2+scheme://…',
  'rclone://remote:/some_dir',
  'rsync://user[:password]@other.host[:port]/relative_path',
  'rsync://user[:password]@other.host[:port]//absolute_path',
  'rsync://user[:password]@other.host[:port]::/module/some_dir',
  's3://other.host[:port]/bucket_name[/prefix]',
  'scp://user[:password]@other.host[:port]/some_dir',
  'sftp://user[:password]@other.host[:port]/some_dir',
  'swift://container_name',
  'tahoe://alias/directory',
  'webdav://user[:password]@other.host/some_dir',
  'webdavs://user[:password]@other.host/some_dir',
];

const argumentNames = {
  source: '<source_dir>',
  url: '<target_url>',
  target: '<target_dir>',
  time: '<time>',
  count: '<count>',
} as const;

/** What `duplicity --help` prints; `program` is how it was called. */
export function helpText(program: string): string {
  const commands = actions.map(({ name, aliases, arguments: words }) => {
    const also = aliases.length === 0 ? '' : ` (also: ${aliases.join(', ')})`;
    return `  ${name} ${words.map((word) => argumentNames[word]).join(' ')}${also}`;
  });
  const options = optionTable
    .filter(({ ignored, refused }) => ignored === undefined && refused === undefined)
    .map(({ names, short, value }) => {
      const all = [
        ...(short === undefined ? [] : [`-${short}`]),
        ...names.map((name) => `--${name}`),
      ];
      return `  ${all.join(', ')}${value === undefined ? '' : `=${value}`}`;
    });
  return [
    'Usage: ',
    `  ${program} [full|incremental] [options] source_dir target_url`,
    `  ${program} [restore] [options] source_url target_dir`,
    `  ${program} verify [options] source_url target_dir`,
    `  ${program} collection-status [options] target_url`,
    `  ${program} list-current-files [options] target_url`,
    `  ${program} cleanup [options] target_url`,
    `  ${program} remove-older-than time [options] target_url`,
    `  ${program} remove-all-but-n-full count [options] target_url`,
    `  ${program} remove-all-inc-of-but-n-full count [options] target_url`,
    `  ${program} replicate source_url target_url`,
    '',
    'Archives, options, output and exit codes are those of duplicity; both the names of duplicity 0.8 and those of 2.x and 3.x are taken.',
    '',
    'Backends and their URL formats:',
    ...urls.map((url) => `  ${url}`),
    '',
    'Commands:',
    ...commands,
    '',
    'Options:',
    ...options,
  ].join('\n');
}
