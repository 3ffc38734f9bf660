/** Where a Linux machine tells about its power and network; tests have places of their own. */
export interface HostPlaces {
  /** `/sys/class/power_supply` */
  readonly powerSupplies: string;
  /** `/proc/net` */
  readonly network: string;
  /** `/proc/self/mountinfo` */
  readonly mounts: string;
  /** `/etc/fstab` */
  readonly fileSystems: string;
}

export const systemPlaces: HostPlaces = {
  powerSupplies: '/sys/class/power_supply',
  network: '/proc/net',
  mounts: '/proc/self/mountinfo',
  fileSystems: '/etc/fstab',
};
