/**
 * Which nodes are devices that read or write memory themselves, and how one can tell.
 *
 * The devicetree specification has no property for that. What the bindings say outright comes first (dma-coherent,
 * iommus, #dma-cells, a pool for DMA); then what a device is by its generic name (specification v0.4, 2.2.2), because
 * an Ethernet controller on a memory bus is a bus master. A device with `dmas` has its data moved by a DMA controller,
 * and its buffers are mapped for that one (Documentation/driver-api/dmaengine/client.rst of Linux 6.1).
 */
import { BIT, UNAVAILABLE } from './noted-names.ts';
import { cells, isAvailable, readStrings } from './properties.ts';
import { isPciBus } from './translate.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';
import { WordTable } from './words.ts';

/** What a device is, as far as its name or binding tells. "pci": a host bridge, which stands for the functions behind it. */
export type DmaKind =
  | 'pci'
  | 'ethernet'
  | 'wireless'
  | 'rdma'
  | 'mmc'
  | 'usb'
  | 'disk'
  | 'nand'
  | 'virtio'
  | 'dma-engine'
  | 'crypto'
  | 'gpu'
  | 'display'
  | '2d-engine'
  | 'video'
  | 'camera'
  | 'coprocessor'
  | 'audio'
  | 'trace-sink';

/** A device that does DMA. */
export interface DmaMaster {
  readonly node: DeviceNode;
  readonly kind: DmaKind | null;
  /** The pool that its buffers come from, where it uses no others. */
  readonly pool: DeviceNode | null;
  /** How one can tell that it does. */
  readonly because: string;
}

/** Names of devices that move data themselves: the specification's generic ones, and others in use. */
const BY_NAME: WordTable<DmaKind> = byName({
  pci: 'pcie',
  ethernet: 'ethernet ethernet-ctrl xgmac ftgmac emac gmac dsa switch packet-processor fman qman bman fsl-mc',
  wireless: 'wifi',
  rdma: 'infiniband',
  mmc: 'mmc sdhci sdhc esdhc usdhc sd sdio-host mvsdio dwmmc0 dwmmc1 dwmmc2 sdmmc mmci',
  usb: 'usb usb3 usb-otg usb_otg_hs usb-host usb-vhub ehci ohci uhci xhci hsotg dwc3 cdns-usb am35x_otg_hs',
  disk: 'sata sata-host ahci sas ufs ufshc nvme compact-flash',
  nand: 'nand-controller',
  'dma-engine': 'dma-controller dma dma-engine xor xdma pdma mdma dma2d',
  crypto: 'crypto crypto-engine ccp jr sss sham aes aes1 aes2 des cryp hash',
  gpu: 'gpu v3d mali host1x',
  display:
    'display display-controller dc lcdc lcdif lcd clcd dispc dss vop hdlcd fimd mixer display-backend display-frontend dpu mdp mdss ipu hvs txp drc deu fb ade disp pxp tilcdc',
  '2d-engine':
    'rga g2d ge2d rotator rotate deinterlace scaler video-scaler gsc fimc fimc-lite vpe vdoa fdp1 vsp ge_rops',
  video:
    'vpu vpu-core video-codec video-codec-g2 video-decoder video-engine video vdec venc jpeg jpeg-codec jpegdec jpegenc codec-engine vic',
  camera: 'isp isp0 isp1 csi camss camera dcmi cal vi fimc-is',
  coprocessor: 'remoteproc remoteproc-adsp remoteproc-cdsp dsp r5f pru ipa',
  audio: 'hda lpass',
  'trace-sink': 'etr',
});

/** Devices that go by many names. */
const BY_COMPATIBLE: readonly (readonly [compatible: string, kind: DmaKind])[] = [
  ['virtio,mmio', 'virtio'],
  ['arm,hdlcd', 'display'],
  ['arm,coresight-tmc', 'trace-sink'],
  ['fsl,sec-v4.0-job-ring', 'crypto'],
];

/** DMA multiplexers have #dma-cells and route requests; memory is accessed by the controllers behind. */
const ROUTER = /dmamux|crossbar|dma-router/;

const STATED =
  BIT['dma-coherent'] |
  BIT['dma-noncoherent'] |
  BIT.iommus |
  BIT['iommu-map'] |
  BIT['#dma-cells'] |
  BIT['interconnect-names'];

/** Without any of these, and without a kind, a node is no DMA master. */
const TELLING = STATED | BIT['memory-region'] | BIT.device_type;

/**
 * The devices that Linux would make (status "okay" up to the root, with `compatible`) and that do DMA, in the order of
 * the file. PCI functions are represented by their host bridge. IOMMUs are left out: nobody maps buffers for them.
 */
export function dmaMasters(tree: DeviceTree): DmaMaster[] {
  const masters: DmaMaster[] = [];
  const { table } = tree;
  const odd = new Map<number, DmaKind>();
  for (const [text, kind] of BY_COMPATIBLE)
    for (const { index } of tree.byCompatible(text)) odd.set(index, kind);
  /**
   * What is below a bus, and no more than a look at its row for nearly all of it.
   * @param mapped the children's `reg` are addresses of the CPU's bus, not of I2C, SPI or MDIO.
   */
  const visit = (bus: number, mapped: boolean) => {
    const end = table.next(bus);
    for (let at = bus + 1; at < end; at = table.next(at)) {
      const has = table.noted(at);
      if ((has & UNAVAILABLE) !== 0) continue;
      if ((has & BIT.compatible) !== 0 && (has & BIT['#iommu-cells']) === 0) {
        const named = table.lookUpBaseName(at, BY_NAME, tree.bytes);
        const kind = named ?? odd.get(at) ?? null;
        if (kind !== null || (has & TELLING) !== 0) {
          const node = tree.node(at);
          if ((kind === 'pci' || (has & BIT.device_type) !== 0) && isPciBus(node)) {
            masters.push({ node, kind: 'pci', pool: null, because: 'a PCI host bridge' });
            continue;
          }
          const how = named === undefined ? 'by its compatible' : 'by its name';
          const master = masterAt(node, has, mapped, kind, how);
          if (master !== undefined) masters.push(master);
        }
      }
      if (table.next(at) > at + 1) visit(at, mapped && (has & BIT.ranges) !== 0);
    }
  };
  visit(0, true);
  return masters;
}

function masterAt(
  node: DeviceNode,
  has: number,
  mapped: boolean,
  kind: DmaKind | null,
  how: string,
): DmaMaster | undefined {
  const because = (has & STATED) === 0 ? undefined : stated(node, has);
  if (because !== undefined) return { node, kind, pool: null, because };
  const pool = (has & BIT['memory-region']) === 0 ? undefined : poolOf(node);
  if (pool !== undefined)
    return { node, kind, pool, because: `its memory-region is the DMA pool ${pool.path}` };
  if (kind === null || !mapped || (has & BIT.dmas) !== 0) return undefined;
  return { node, kind, pool: null, because: how };
}

/** What the node itself says. A bus has these properties for its children. */
function stated(node: DeviceNode, has: number): string | undefined {
  const isBus = (has & BIT.ranges) !== 0 && (has & BIT.reg) === 0;
  if (!isBus && (has & BIT['dma-coherent']) !== 0) return 'it has dma-coherent';
  if (!isBus && (has & BIT['dma-noncoherent']) !== 0) return 'it has dma-noncoherent';
  if ((has & BIT.iommus) !== 0) return 'it has iommus';
  if ((has & BIT['iommu-map']) !== 0) return 'it has iommu-map';
  if ((has & BIT['#dma-cells']) !== 0 && !isRouter(node)) return 'a DMA controller: it has #dma-cells';
  const route =
    (has & BIT['interconnect-names']) !== 0 && readStrings(node, 'interconnect-names').includes('dma-mem');
  return route ? 'it has a dma-mem interconnect' : undefined;
}

function isRouter(node: DeviceNode): boolean {
  return (
    node.has('dma-masters') || ROUTER.test(`${node.baseName} ${readStrings(node, 'compatible').join(' ')}`)
  );
}

/** The pool that a device's `memory-region` gives it for DMA. */
export function poolOf(
  node: DeviceNode,
  kind: RegExp = /^(shared|restricted)-dma-pool$/,
): DeviceNode | undefined {
  const regions = node.property('memory-region');
  if (regions === undefined) return undefined;
  return cells(regions)
    .map((phandle) => node.tree.byPhandle(phandle))
    .find(
      (region) =>
        region !== undefined &&
        isAvailable(region) &&
        readStrings(region, 'compatible').some((text) => kind.test(text)),
    );
}

function byName(table: Partial<Readonly<Record<DmaKind, string>>>): WordTable<DmaKind> {
  return new WordTable(
    (Object.keys(table) as DmaKind[]).flatMap((kind) =>
      (table[kind] ?? '').split(' ').map((name) => [name, kind] as const),
    ),
  );
}
