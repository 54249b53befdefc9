"""The step loop, emitted like the kernels: a whole network is one call of native code.

`lithe_alone(job)` runs all steps in the calling thread; `lithe_team(team, job)` runs them
with the workers of a team, each thread its share of every step's units, and returns when all
is done; `lithe_worker(team, thread)` is where a worker lives until `lithe_leave(team)`.
`lithe_each` has the form of a kernel: its units are the samples of a batch.

Waiting is the same everywhere: a 32-bit word is read in a loop for a bounded time, then the
thread sleeps in the kernel until somebody changes the word (a futex), so nobody spins for
long on a machine that is busy with something else. What the operating system has to give,
`clock_gettime` and `syscall`, comes as addresses in the structures.

Structures, 8 bytes a field unless said otherwise:
    step   function, args, units
    job    steps, how many, scratch, scratch bytes per thread, stamps or null, clock_gettime
    team   lines of 64 bytes, so that no two threads write to one:
           0: word of jobs begun, sleepers (4 bytes each)     64: job, or null to leave
           128: threads arrived at the barrier (4 bytes)      192: word of barriers, sleepers
           256: threads, clock_gettime, syscall, nanoseconds to spin, number of futex
    each   job, patches, how many; a patch is a slot, the address for sample 0, bytes per sample
"""

from dataclasses import dataclass
from string import Template

from lithe.engine.isa import InstructionSet

STEP_BYTES = 24
JOB_FIELDS = 6
TEAM_BYTES = 320
TEAM_SETTINGS = 256  # offset of the fields that are written once
EACH_FIELDS = 3
PATCH_FIELDS = 3


@dataclass(frozen=True, slots=True)
class _Machine:
    """What differs: Linux's number of futex, the hint that a thread waits, the state of floats.

    `plain` keeps what the thread's rounding and treatment of tiny numbers is in a slot and
    sets what IEEE 754 wants, `restore` puts it back: whatever the caller has set, and
    whatever the workers have not, the bits are the same.
    """

    futex: int
    pause: str
    plain: str
    restore: str
    declarations: str


_MACHINES = {
    "x86_64": _Machine(
        futex=202,
        pause="call void @llvm.x86.sse2.pause()",
        plain="""\
  call void @llvm.x86.sse.stmxcsr(ptr %slot)
  %new = alloca i32
  store i32 8064, ptr %new ; 0x1F80: to the nearest, nothing flushed, no traps
  call void @llvm.x86.sse.ldmxcsr(ptr %new)""",
        restore="  call void @llvm.x86.sse.ldmxcsr(ptr %slot)",
        declarations="""\
declare void @llvm.x86.sse2.pause()
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)""",
    ),
    "aarch64": _Machine(
        futex=98,
        pause="call void @llvm.aarch64.hint(i32 1)",
        plain="""\
  %old = call i64 @llvm.aarch64.get.fpcr()
  store i64 %old, ptr %slot
  call void @llvm.aarch64.set.fpcr(i64 0)""",
        restore="""\
  %old = load i64, ptr %slot
  call void @llvm.aarch64.set.fpcr(i64 %old)""",
        declarations="""\
declare void @llvm.aarch64.hint(i32)
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)""",
    ),
}


def _machine(isa: InstructionSet) -> _Machine:
    return _MACHINES[isa.triple.split("-")[0]]


def futex_number(isa: InstructionSet) -> int:
    """Linux's number of the system call on this machine."""
    return _machine(isa).futex


def native_ir(isa: InstructionSet) -> str:
    """The module of the step loop for a machine; there are no vectors in it."""
    machine = _machine(isa)
    return _IR.substitute(
        triple=isa.triple,
        pause=machine.pause,
        plain=machine.plain,
        restore=machine.restore,
        declarations=machine.declarations,
    )


_IR = Template("""\
target triple = "$triple"
$declarations

define void @lithe_alone(ptr %job) #0 {
entry:
  %floats = alloca i64
  call void @plain(ptr %floats)
  call void @share(ptr %job, i64 0, i64 1, ptr null)
  call void @restore(ptr %floats)
  ret void
}

define internal void @plain(ptr %slot) #0 {
$plain
  ret void
}

define internal void @restore(ptr %slot) #0 {
$restore
  ret void
}

define void @lithe_team(ptr %team, ptr %job) #0 {
entry:
  %threads.at = getelementptr i8, ptr %team, i64 256
  %threads = load i64, ptr %threads.at
  %job.at = getelementptr i8, ptr %team, i64 64
  store ptr %job, ptr %job.at
  %floats = alloca i64
  call void @plain(ptr %floats)
  call void @announce(ptr %team, ptr %team)
  call void @share(ptr %job, i64 0, i64 %threads, ptr %team)
  call void @restore(ptr %floats)
  ret void
}

define void @lithe_leave(ptr %team) #0 {
entry:
  %job.at = getelementptr i8, ptr %team, i64 64
  store ptr null, ptr %job.at
  call void @announce(ptr %team, ptr %team)
  ret void
}

; A worker of thread number %t, until the job is null.
define void @lithe_worker(ptr %team, i64 %t) #0 {
entry:
  %threads.at = getelementptr i8, ptr %team, i64 256
  %threads = load i64, ptr %threads.at
  %job.at = getelementptr i8, ptr %team, i64 64
  %floats = alloca i64
  call void @plain(ptr %floats)
  br label %next
next:
  %seen = phi i32 [ 0, %entry ], [ %now, %work ]
  %now = call i32 @await(ptr %team, i32 %seen, ptr %team)
  %job = load ptr, ptr %job.at
  %leave = icmp eq ptr %job, null
  br i1 %leave, label %out, label %work
work:
  call void @share(ptr %job, i64 %t, i64 %threads, ptr %team)
  br label %next
out:
  ret void
}

; A kernel whose units are samples: %own is this thread's `each`.
define void @lithe_each(ptr %args, i64 %begin, i64 %end, ptr %own) #0 {
entry:
  %job = load ptr, ptr %own
  %patches.at = getelementptr i8, ptr %own, i64 8
  %patches = load ptr, ptr %patches.at
  %count.at = getelementptr i8, ptr %own, i64 16
  %count = load i64, ptr %count.at
  br label %sample
sample:
  %i = phi i64 [ %begin, %entry ], [ %i.next, %run ]
  %more = icmp slt i64 %i, %end
  br i1 %more, label %patch, label %out
patch:
  %p = phi i64 [ 0, %sample ], [ %p.next, %set ]
  %any = icmp slt i64 %p, %count
  br i1 %any, label %set, label %run
set:
  %base.at = getelementptr [3 x i64], ptr %patches, i64 %p
  %slot = load ptr, ptr %base.at
  %first.at = getelementptr i8, ptr %base.at, i64 8
  %first = load ptr, ptr %first.at
  %stride.at = getelementptr i8, ptr %base.at, i64 16
  %stride = load i64, ptr %stride.at
  %offset = mul i64 %i, %stride
  %place = getelementptr i8, ptr %first, i64 %offset
  store ptr %place, ptr %slot
  %p.next = add i64 %p, 1
  br label %patch
run:
  call void @share(ptr %job, i64 0, i64 1, ptr null)
  %i.next = add i64 %i, 1
  br label %sample
out:
  ret void
}

; Every step's share of thread %t, a barrier behind each; thread 0 takes the time, if asked.
define internal void @share(ptr %job, i64 %t, i64 %threads, ptr %team) #0 {
entry:
  %steps = load ptr, ptr %job
  %count.at = getelementptr i8, ptr %job, i64 8
  %count = load i64, ptr %count.at
  %scratch.at = getelementptr i8, ptr %job, i64 16
  %scratch.all = load ptr, ptr %scratch.at
  %stride.at = getelementptr i8, ptr %job, i64 24
  %stride = load i64, ptr %stride.at
  %scratch.offset = mul i64 %stride, %t
  %scratch = getelementptr i8, ptr %scratch.all, i64 %scratch.offset
  %stamps.at = getelementptr i8, ptr %job, i64 32
  %stamps = load ptr, ptr %stamps.at
  %clock.at = getelementptr i8, ptr %job, i64 40
  %clock = load ptr, ptr %clock.at
  %asked = icmp ne ptr %stamps, null
  %first = icmp eq i64 %t, 0
  %timed = and i1 %asked, %first
  %after = add i64 %t, 1
  %together = icmp ne i64 %threads, 1
  br i1 %timed, label %start, label %head
start:
  %0 = call i32 %clock(i32 1, ptr %stamps)
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ 0, %start ], [ %i.next, %tail ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %out
body:
  %step = getelementptr [3 x i64], ptr %steps, i64 %i
  %units.at = getelementptr i8, ptr %step, i64 16
  %units = load i64, ptr %units.at
  %begin.product = mul i64 %units, %t
  %begin = udiv i64 %begin.product, %threads
  %end.product = mul i64 %units, %after
  %end = udiv i64 %end.product, %threads
  %some = icmp ult i64 %begin, %end
  br i1 %some, label %work, label %done
work:
  %function = load ptr, ptr %step
  %args.at = getelementptr i8, ptr %step, i64 8
  %args = load ptr, ptr %args.at
  call void %function(ptr %args, i64 %begin, i64 %end, ptr %scratch)
  br label %done
done:
  br i1 %together, label %meet, label %met
meet:
  call void @barrier(ptr %team, i64 %threads)
  br label %met
met:
  br i1 %timed, label %stamp, label %tail
stamp:
  %behind = add i64 %i, 1
  %stamp.at = getelementptr [2 x i64], ptr %stamps, i64 %behind
  %1 = call i32 %clock(i32 1, ptr %stamp.at)
  br label %tail
tail:
  %i.next = add i64 %i, 1
  br label %head
out:
  ret void
}

; Nobody leaves before all have come: the last one resets the count and changes the word.
define internal void @barrier(ptr %team, i64 %threads) #0 {
entry:
  %word = getelementptr i8, ptr %team, i64 192
  %seen = load atomic i32, ptr %word monotonic, align 4
  %arrived = getelementptr i8, ptr %team, i64 128
  %before = atomicrmw add ptr %arrived, i32 1 acq_rel
  %others = trunc i64 %threads to i32
  %number = add i32 %before, 1
  %last = icmp eq i32 %number, %others
  br i1 %last, label %open, label %stay
open:
  store atomic i32 0, ptr %arrived monotonic, align 4
  call void @announce(ptr %word, ptr %team)
  ret void
stay:
  %now = call i32 @await(ptr %word, i32 %seen, ptr %team)
  ret void
}

; Change a word and wake who sleeps on it. Sleepers count themselves before they look at the
; word for the last time, and this looks at their count after the change: one sees the other.
define internal void @announce(ptr %word, ptr %team) #0 {
entry:
  %old = atomicrmw add ptr %word, i32 1 seq_cst
  %sleepers.at = getelementptr i8, ptr %word, i64 4
  %sleepers = load atomic i32, ptr %sleepers.at seq_cst, align 4
  %none = icmp eq i32 %sleepers, 0
  br i1 %none, label %out, label %wake
wake:
  %0 = call i64 @futex(ptr %team, ptr %word, i64 129, i64 2147483647)
  br label %out
out:
  ret void
}

; Wait until a word is no longer %seen; what it is then.
define internal i32 @await(ptr %word, i32 %seen, ptr %team) #0 {
entry:
  %time = alloca [2 x i64]
  %clock.at = getelementptr i8, ptr %team, i64 264
  %clock = load ptr, ptr %clock.at
  %limit.at = getelementptr i8, ptr %team, i64 280
  %limit = load i64, ptr %limit.at
  br label %round
round:
  %until = phi i64 [ -1, %entry ], [ %deadline, %check ]
  br label %spin
spin:
  %turn = phi i64 [ 0, %round ], [ %turn.next, %again ]
  %now = load atomic i32, ptr %word acquire, align 4
  %same = icmp eq i32 %now, %seen
  br i1 %same, label %again, label %changed
again:
  $pause
  %turn.next = add i64 %turn, 1
  %enough = icmp eq i64 %turn.next, 32
  br i1 %enough, label %check, label %spin
check:
  %0 = call i32 %clock(i32 1, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr i8, ptr %time, i64 8
  %rest = load i64, ptr %rest.at
  %whole = mul i64 %seconds, 1000000000
  %at = add i64 %whole, %rest
  %new = icmp eq i64 %until, -1
  %later = add i64 %at, %limit
  %deadline = select i1 %new, i64 %later, i64 %until
  %on = icmp ult i64 %at, %deadline
  br i1 %on, label %round, label %sleep
sleep:
  %sleepers = getelementptr i8, ptr %word, i64 4
  %1 = atomicrmw add ptr %sleepers, i32 1 seq_cst
  br label %look
look:
  %found = load atomic i32, ptr %word seq_cst, align 4
  %still = icmp eq i32 %found, %seen
  br i1 %still, label %park, label %woken
park:
  %value = zext i32 %seen to i64
  %2 = call i64 @futex(ptr %team, ptr %word, i64 128, i64 %value)
  br label %look
woken:
  %3 = atomicrmw sub ptr %sleepers, i32 1 seq_cst
  ret i32 %found
changed:
  ret i32 %now
}

; 128 sleeps while the word has this value, 129 wakes as many; within this process only.
define internal i64 @futex(ptr %team, ptr %word, i64 %what, i64 %value) #0 {
entry:
  %call.at = getelementptr i8, ptr %team, i64 272
  %call = load ptr, ptr %call.at
  %number.at = getelementptr i8, ptr %team, i64 288
  %number = load i64, ptr %number.at
  %0 = call i64 (i64, ...) %call(i64 %number, ptr %word, i64 %what, i64 %value, ptr null)
  ret i64 %0
}

attributes #0 = { nounwind "no-builtins" }
""")
