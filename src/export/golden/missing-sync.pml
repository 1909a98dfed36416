/*
 * A receive buffer that stays mapped needs a sync before the CPU looks
 * scenarios/tutorial/3-missing-sync.yaml, design dma-direct
 *
 * Which value a copy of a byte holds is told only as current or not. At any time the cache may load an absent line,
 * write a dirty one back or evict one; software goes on in any order that its signals, waits and locks allow.
 * Lines that are neither read nor invalidated are left out: nothing is asserted of them.
 *
 * line0: 0x40000000, packet (stands for 4 lines)
 *
 * A line that stands for others: the same operations reach all of them in the same way. Caches treat lines
 * independently of each other, no agent acts upon what it reads, and every assertion is about one byte, so what
 * can go wrong in one of them can go wrong in this one, with the same order of events.
 */

mtype = { ABSENT, CLEAN, DIRTY };
mtype line0 = DIRTY; /* packet */
bool memory0 = true; /* packet: memory holds the current value */
bool cached0 = true; /* packet: the cached copy does */
bool signal_doorbell = false; /* doorbell was signalled */
bool signal_interrupt = false; /* interrupt was signalled */

/* what has gone wrong */
bool stale_cpu_read;
inline check_stale_cpu_read(ok) { if :: (ok) -> skip :: else -> stale_cpu_read = true; assert(!stale_cpu_read) fi }

/* somebody asks for the line: it is loaded if it is absent */
inline load_line0() {
  if :: line0 == ABSENT -> line0 = CLEAN;
    cached0 = memory0 :: else fi
}

/* dirty data reaches memory, all of the line; the line stays */
inline write_back_line0() {
  if :: line0 == DIRTY -> line0 = CLEAN;
    memory0 = cached0 :: else fi
}

/* the line goes, with what is in it */
inline drop_line0() {
  line0 = ABSENT;
  cached0 = false
}

/* what caches may do at any time */
active proctype Hardware() {
end:
  do
  :: d_step { /* line0 is loaded */ line0 == ABSENT ->
        load_line0()
    }
  :: d_step { /* line0 is written back */ line0 == DIRTY ->
        write_back_line0()
    }
  :: d_step { /* line0 is evicted */ line0 != ABSENT ->
        write_back_line0();
        drop_line0()
    }
  od
}

active proctype Agent_driver() {
  /* line 15: map packet for nic, FROM_DEVICE (clean) */
  d_step { true ->
    write_back_line0()
  };
  /* line 16: signal doorbell */
  d_step { true ->
    signal_doorbell = true
  };
  /* line 17: wait interrupt */
  signal_interrupt;
  /* line 18: read packet (cpu read) */
  d_step { true ->
    load_line0();
    check_stale_cpu_read(cached0) /* packet */
  };
}

active proctype Agent_nic() {
  /* line 22: wait doorbell */
  signal_doorbell;
  /* line 23: writes packet by DMA (device write) */
  d_step { true ->
    memory0 = true;
    cached0 = false
  };
  /* line 24: signal interrupt */
  d_step { true ->
    signal_interrupt = true
  };
}
