/** A file system of a few MiB for the folder of one process, which can be filled and relieved. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TestScope } from '../helpers/testScope.js';

const run = promisify(execFile);

/** Room for the metadata (LevelDB's logs and tables), the reserve below, and the sectors. */
const DISK_BYTES = 40 * 1024 * 1024;
/** Less than the store keeps free for its metadata: it refuses to write sectors. */
const LITTLE_BYTES = 1.5 * 1024 * 1024;
const PIECE = Buffer.alloc(256 * 1024);

const mounted = new Set<string>();
// However the program ends, short of SIGKILL.
process.once('exit', () => {
  for (const folder of mounted) execFileSync('umount', ['--lazy', folder], { stdio: 'ignore' });
});

/** `little`: the store refuses sectors by itself. `nothing`: the system refuses every byte. */
export type Room = 'enough' | 'little' | 'nothing';

export class SmallDisk {
  /** Null, with the reason logged, where the system does not let us mount. */
  static async mount(t: TestScope, folder: string): Promise<SmallDisk | null> {
    if (process.getuid?.() !== 0) return null;
    await mkdir(folder, { recursive: true });
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=700`, 'atdd', folder]);
    } catch (error) {
      t.log(`no small disk: ${String(error)}`);
      return null;
    }
    mounted.add(folder);
    t.teardown(async () => {
      mounted.delete(folder);
      // Lazily, since the process that has files there may be about to end.
      await run('umount', ['--lazy', folder]);
    });
    return new SmallDisk(folder);
  }

  private roomNow: Room = 'enough';

  private constructor(private readonly folder: string) {}

  get room(): Room {
    return this.roomNow;
  }

  async fill(room: 'little' | 'nothing'): Promise<void> {
    this.roomNow = room;
    const file = await open(this.ballast, 'w');
    try {
      for (;;) {
        const spare = (await this.freeBytes()) - (room === 'little' ? LITTLE_BYTES : 0);
        if (spare <= 0) return;
        await file.write(PIECE, 0, Math.min(spare, PIECE.length));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  }

  async relieve(): Promise<void> {
    await rm(this.ballast, { force: true });
    this.roomNow = 'enough';
  }

  private get ballast(): string {
    return path.join(this.folder, 'ballast');
  }

  private async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize;
  }
}
