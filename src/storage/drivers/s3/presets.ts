/** What is known of a service that speaks S3. */
export interface Preset {
  /** As in the option `provider`. */
  readonly name: string;
  readonly title: string;
  /** Host of the service, `{region}` and `{account}` being filled in; none where everybody has a server of his own. */
  readonly endpoints?: readonly string[];
  /** Other hosts that belong to it; they are used as they are written. */
  readonly hosts?: RegExp;
  /** Where nobody says otherwise; none where it must be said. */
  readonly region?: string;
  /** Some regions, for help. */
  readonly regions?: readonly string[];
  /** How a request names the bucket: as the first part of the path or of the host. */
  readonly style: 'path' | 'virtual';
  /** Keeps a CRC-32 beside each object. Elsewhere such headers are ignored or refused. */
  readonly checksums?: true;
  /** Documents that `If-None-Match: *` is honoured by a put. It is tried out all the same. */
  readonly conditionalPut?: true;
  /** The newer way of listing is missing or defective. */
  readonly listVersion?: 'v1';
  /** Parts of a multipart upload; 10,000 where nothing is said. */
  readonly maxParts?: number;
}

/** The services by the names of the option `provider`. Where nothing else is known of a service, `other` is right. */
export const presets = [
  {
    name: 'aws',
    title: 'Amazon S3',
    endpoints: ['s3.{region}.amazonaws.com'],
    hosts: /(?:^|\.)amazonaws\.com(?:\.cn)?$/u,
    region: 'us-east-1',
    regions: ['us-east-1', 'us-west-2', 'eu-central-1', 'eu-west-1', 'ap-southeast-1'],
    style: 'virtual',
    checksums: true,
    conditionalPut: true,
  },
  {
    name: 'cloudflare',
    title: 'Cloudflare R2',
    endpoints: [
      '{account}.r2.cloudflarestorage.com',
      '{account}.eu.r2.cloudflarestorage.com',
      '{account}.fedramp.r2.cloudflarestorage.com',
    ],
    region: 'auto',
    style: 'path',
    conditionalPut: true,
  },
  {
    name: 'wasabi',
    title: 'Wasabi',
    endpoints: ['s3.{region}.wasabisys.com'],
    hosts: /^s3\.wasabisys\.com$/u,
    region: 'us-east-1',
    regions: ['us-east-1', 'us-west-1', 'eu-central-1', 'eu-west-1', 'ap-northeast-1'],
    style: 'virtual',
  },
  {
    name: 'backblaze',
    title: 'Backblaze B2, its S3 interface',
    endpoints: ['s3.{region}.backblazeb2.com'],
    regions: ['us-west-004', 'us-east-005', 'eu-central-003'],
    style: 'virtual',
  },
  {
    name: 'idrive',
    title: 'IDrive e2',
    hosts: /(?:^|\.)idrivee2(?:-[0-9]+)?\.com$/u,
    region: 'us-east-1',
    style: 'path',
  },
  { name: 'minio', title: 'MinIO', region: 'us-east-1', style: 'path', conditionalPut: true },
  {
    name: 'ceph',
    title: 'Ceph RADOS Gateway',
    region: 'us-east-1',
    style: 'path',
    conditionalPut: true,
  },
  { name: 'garage', title: 'Garage', region: 'garage', style: 'path' },
  { name: 'seaweedfs', title: 'SeaweedFS', region: 'us-east-1', style: 'path' },
  { name: 'swift', title: 'OpenStack Swift, its S3 interface', region: 'us-east-1', style: 'path' },
  {
    name: 'scaleway',
    title: 'Scaleway Object Storage',
    endpoints: ['s3.{region}.scw.cloud'],
    region: 'fr-par',
    regions: ['fr-par', 'nl-ams', 'pl-waw'],
    style: 'virtual',
    maxParts: 1000,
  },
  {
    name: 'digitalocean',
    title: 'DigitalOcean Spaces',
    endpoints: ['{region}.digitaloceanspaces.com'],
    region: 'nyc3',
    regions: ['nyc3', 'ams3', 'fra1', 'sfo3', 'sgp1'],
    style: 'virtual',
  },
  {
    name: 'hetzner',
    title: 'Hetzner Object Storage',
    endpoints: ['{region}.your-objectstorage.com'],
    region: 'fsn1',
    regions: ['fsn1', 'nbg1', 'hel1'],
    style: 'virtual',
  },
  {
    name: 'ovh',
    title: 'OVHcloud Object Storage',
    endpoints: ['s3.{region}.io.cloud.ovh.net', 's3.{region}.cloud.ovh.net'],
    region: 'gra',
    regions: ['gra', 'sbg', 'de', 'uk', 'waw', 'bhs'],
    style: 'virtual',
  },
  {
    name: 'aliyun',
    title: 'Alibaba Cloud OSS',
    endpoints: ['oss-{region}.aliyuncs.com', 's3.oss-{region}.aliyuncs.com'],
    region: 'cn-hangzhou',
    regions: ['cn-hangzhou', 'cn-beijing', 'cn-hongkong', 'eu-central-1', 'us-west-1'],
    style: 'virtual',
  },
  {
    name: 'tencent',
    title: 'Tencent COS',
    endpoints: ['cos.{region}.myqcloud.com'],
    region: 'ap-guangzhou',
    regions: ['ap-guangzhou', 'ap-beijing', 'ap-shanghai', 'ap-hongkong', 'eu-frankfurt'],
    style: 'virtual',
    listVersion: 'v1',
  },
  {
    name: 'storj',
    title: 'Storj, its hosted gateway',
    endpoints: ['gateway.storjshare.io'],
    hosts: /^gateway\.(?:us1|eu1|ap1)\.storjshare\.io$/u,
    region: 'us-east-1',
    style: 'path',
  },
  {
    name: 'linode',
    title: 'Akamai (Linode) Object Storage',
    endpoints: ['{region}.linodeobjects.com'],
    region: 'us-east-1',
    regions: ['us-east-1', 'eu-central-1', 'ap-south-1'],
    style: 'virtual',
  },
  {
    name: 'ibm',
    title: 'IBM Cloud Object Storage',
    endpoints: ['s3.{region}.cloud-object-storage.appdomain.cloud'],
    region: 'us-south',
    regions: ['us-south', 'us-east', 'eu-de', 'eu-gb', 'jp-tok'],
    style: 'path',
  },
  {
    name: 'synology',
    title: 'Synology C2 Object Storage',
    endpoints: ['{region}.s3.synologyc2.net'],
    regions: ['eu-001', 'eu-002', 'us-001', 'us-002', 'tw-001'],
    style: 'virtual',
  },
  {
    name: 'exoscale',
    title: 'Exoscale SOS',
    endpoints: ['sos-{region}.exo.io'],
    region: 'ch-gva-2',
    regions: ['ch-gva-2', 'ch-dk-2', 'de-fra-1', 'de-muc-1', 'at-vie-1'],
    style: 'virtual',
  },
  {
    name: 'google',
    title: 'Google Cloud Storage with interoperability keys',
    endpoints: ['storage.googleapis.com'],
    region: 'auto',
    style: 'path',
  },
  {
    name: 'huawei',
    title: 'Huawei Cloud OBS',
    endpoints: ['obs.{region}.myhuaweicloud.com'],
    regions: ['cn-north-4', 'cn-south-1', 'ap-southeast-3', 'eu-west-101'],
    style: 'virtual',
    listVersion: 'v1',
  },
  {
    name: 'ionos',
    title: 'IONOS Cloud Object Storage',
    endpoints: ['s3.{region}.ionoscloud.com', 's3-{region}.ionoscloud.com'],
    region: 'eu-central-3',
    regions: ['eu-central-3', 'eu-central-4', 'us-central-1'],
    style: 'virtual',
  },
  {
    name: 'contabo',
    title: 'Contabo Object Storage',
    endpoints: ['{region}.contabostorage.com'],
    region: 'eu2',
    regions: ['eu2', 'usc1', 'sin1'],
    style: 'path',
  },
  {
    name: 'vultr',
    title: 'Vultr Object Storage',
    endpoints: ['{region}.vultrobjects.com'],
    region: 'ewr1',
    regions: ['ewr1', 'ams1', 'sjc1', 'sgp1'],
    style: 'virtual',
  },
  {
    name: 'lyve',
    title: 'Seagate Lyve Cloud',
    endpoints: ['s3.{region}.lyvecloud.seagate.com'],
    region: 'us-east-1',
    regions: ['us-east-1', 'us-west-1', 'ap-southeast-1'],
    style: 'path',
  },
  {
    name: 'mega',
    title: 'MEGA S4',
    endpoints: ['s3.{region}.s4.mega.io'],
    region: 'eu-central-1',
    regions: ['eu-central-1', 'eu-central-2', 'ca-central-1', 'ca-west-1'],
    style: 'path',
  },
  {
    name: 'impossible',
    title: 'Impossible Cloud',
    endpoints: ['{region}.storage.impossibleapi.net'],
    region: 'eu-central-2',
    style: 'path',
  },
  {
    name: 'dreamhost',
    title: 'DreamObjects',
    endpoints: ['s3.{region}.dream.io', 'objects-{region}.dream.io'],
    region: 'us-east-005',
    style: 'path',
  },
  { name: 'other', title: 'Any other service', region: 'us-east-1', style: 'path' },
] as const satisfies readonly Preset[];

export type PresetName = (typeof presets)[number]['name'];

export const presetNames = presets.map(({ name }) => name);

/** Schemes of URLs that name a service. */
const ofScheme: Readonly<Record<string, PresetName>> = {
  e2: 'idrive',
  aliyunoss: 'aliyun',
  oss: 'aliyun',
  cos: 'tencent',
  r2: 'cloudflare',
  wasabi: 'wasabi',
  minio: 'minio',
};

export function presetOfScheme(scheme: string): PresetName | undefined {
  return Object.hasOwn(ofScheme, scheme) ? ofScheme[scheme] : undefined;
}

export function presetNamed(name: PresetName): Preset {
  const found: Preset | undefined = presets.find((preset) => preset.name === name);
  if (found === undefined) throw new RangeError(`No preset "${name}"`);
  return found;
}

/** A host that belongs to a known service. */
export interface KnownHost {
  readonly preset: Preset;
  /** The host without the bucket before it. */
  readonly host: string;
  readonly region?: string;
  readonly account?: string;
  /** `BUCKET.` before the host of the service. */
  readonly bucket?: string;
}

/** What is known of a host by its name alone; `undefined` when it is none of a known service. */
export function knownHost(written: string): KnownHost | undefined {
  const host = written.toLowerCase();
  for (const form of hostForms) {
    const groups = form.pattern.exec(host)?.groups;
    if (groups === undefined) continue;
    const { bucket, host: own = host, region, account } = groups;
    return {
      preset: form.preset,
      host: own,
      ...(region !== undefined && { region }),
      ...(account !== undefined && { account }),
      ...(bucket !== undefined && { bucket }),
    };
  }
  const preset = (presets as readonly Preset[]).find(({ hosts }) => hosts?.test(host) === true);
  return preset && { preset, host };
}

/** Hosts as they are first, then with a bucket before them; of these the ones with the most parts first. */
const hostForms: readonly { readonly preset: Preset; readonly pattern: RegExp }[] = [
  false,
  true,
].flatMap((withBucket) =>
  (presets as readonly Preset[])
    .flatMap((preset) => (preset.endpoints ?? []).map((endpoint) => ({ preset, endpoint })))
    .toSorted((left, right) => right.endpoint.split('.').length - left.endpoint.split('.').length)
    .map(({ preset, endpoint }) => ({ preset, pattern: patternOf(endpoint, withBucket) })),
);

function patternOf(endpoint: string, withBucket: boolean): RegExp {
  const literal = endpoint
    .replaceAll('.', String.raw`\.`)
    .replaceAll(/\{(?<name>[a-z]+)\}/gu, '(?<$<name>>[a-z0-9-]+)');
  return new RegExp(`^${withBucket ? String.raw`(?<bucket>.+)\.` : ''}(?<host>${literal})$`, 'u');
}
