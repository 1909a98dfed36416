-- A receive buffer that stays mapped needs a sync before the CPU looks
-- scenarios/tutorial/3-missing-sync.yaml, design dma-direct
--
-- Which value a copy of a byte holds is told only as current or not. At any time the cache may load an absent line,
-- write a dirty one back or evict one; software goes on in any order that its signals, waits and locks allow.
-- Lines that are neither read nor invalidated are left out: nothing is asserted of them.
--
-- line0: 0x40000000, packet (stands for 4 lines)
--
-- A line that stands for others: the same operations reach all of them in the same way. Caches treat lines
-- independently of each other, no agent acts upon what it reads, and every assertion is about one byte, so what
-- can go wrong in one of them can go wrong in this one, with the same order of events.

type
  LineState: enum { ABSENT, CLEAN, DIRTY };
var
  line0: LineState; -- packet
  memory0: boolean; -- packet: memory holds the current value
  cached0: boolean; -- packet: the cached copy does
  signal_doorbell: boolean; -- doorbell was signalled
  signal_interrupt: boolean; -- interrupt was signalled
  done_driver: 0 .. 4; -- steps done
  done_nic: 0 .. 3; -- steps done

-- somebody asks for the line: it is loaded if it is absent
procedure load_line0();
begin
  if line0 = ABSENT then
    line0 := CLEAN;
    cached0 := memory0;
  end;
end;

-- dirty data reaches memory, all of the line; the line stays
procedure write_back_line0();
begin
  if line0 = DIRTY then
    line0 := CLEAN;
    memory0 := cached0;
  end;
end;

-- the line goes, with what is in it
procedure drop_line0();
begin
  line0 := ABSENT;
  cached0 := false;
end;

startstate begin
  line0 := DIRTY;
  memory0 := true;
  cached0 := true;
  signal_doorbell := false;
  signal_interrupt := false;
  done_driver := 0;
  done_nic := 0;
end;

-- what caches may do at any time
rule "line0 is loaded" line0 = ABSENT ==> begin
  load_line0();
end;

rule "line0 is written back" line0 = DIRTY ==> begin
  write_back_line0();
end;

rule "line0 is evicted" line0 != ABSENT ==> begin
  write_back_line0();
  drop_line0();
end;

rule "driver, line 15: map packet for nic, FROM_DEVICE (clean)" done_driver = 0 ==> begin
  write_back_line0();
  done_driver := 1;
end;

rule "driver, line 16: signal doorbell" done_driver = 1 ==> begin
  signal_doorbell := true;
  done_driver := 2;
end;

rule "driver, line 17: wait interrupt" done_driver = 2 & (signal_interrupt) ==> begin
  done_driver := 3;
end;

rule "driver, line 18: read packet (cpu read)" done_driver = 3 ==> begin
  load_line0();
  assert "stale-cpu-read: packet" cached0;
  done_driver := 4;
end;

rule "nic, line 22: wait doorbell" done_nic = 0 & (signal_doorbell) ==> begin
  done_nic := 1;
end;

rule "nic, line 23: writes packet by DMA (device write)" done_nic = 1 ==> begin
  memory0 := true;
  cached0 := false;
  done_nic := 2;
end;

rule "nic, line 24: signal interrupt" done_nic = 2 ==> begin
  signal_interrupt := true;
  done_nic := 3;
end;
