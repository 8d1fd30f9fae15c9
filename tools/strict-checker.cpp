// strict-checker: searches all states of the strict register (docs/strict-register.md) within bounds, for one sector.
//
//     g++ -O2 -std=c++17 -DN=3 -DNW=2 -o strict-checker tools/strict-checker.cpp
//     ./strict-checker reads=2 sw=2 crash=1
//
// N: replicas (3 to 6). NW: writers (1 to 3), each with one operation; W1 is bit 1 of a mask, W2 bit 2. There are up to
// two readers at a time. Without options, all clauses are as in the contract. A flag without a value means 1.
//
// The network: each request may reach each replica any number of times, at any time, or never. Its answer is lost, or
// taken in at once: a late answer is one to a late request. A coordinator acts as soon as it may; an answer that it
// ignores is a lost one. New stamps may be put into any gap of the order, so clocks and ids are arbitrary.
//
// What is checked: P1 and P2 by a monitor that keeps every linearization still possible; the write of a writer may not
// be linearized after its crash. P3 as an invariant over all majorities. P4 with solo=.
//
// Bounds     reads=1    reads in all
//            slots=1    reads at a time (2 at most)
//            sw=2 sr=1  stamps that a writer, a reader may take; whoever needs more stands still for ever
//            gap=0      1: a new stamp goes only right above what it must be above, or to the top
//            wcrash=1   crashes of writers
//            rcrash=0   1: readers may crash in the middle of a settle
//            crash=0    crashes of replicas (A4). limit=2: the floor is anywhere at or above the highest promise;
//                       1: the highest promise itself; 0, weakened: promises are forgotten
//            loss=0     lost disks (E1 to E5)
// Rules      split=1    C1 with both majorities apart, the third replica asked first or not; 0: a reader decides on the
//                       first majority that answers
//            learn=0    1: LEARN after each finished STORE, 2: after a read of one round too (D1)
//            giveup=0   1: a coordinator may act at any time as if it had been refused, or had seen a promise: covers
//                       refusals that are taken in late, and promises above those asked for
//            upd=0      mask of the writers that are updates (F1 to F3). updRule=4: F3 without its STORE
// Weakened   superseded=1|2      A3: STORED where val.stamp > s, if val.origin >= s; 2: if val.origin >= o
//            orderAny=1|2        A2: granted below the promise; 2: granted always
//            storedBelow         A3: STORED below the promise if val.stamp = s
//            noOrigin            B3: the writer stores its own value whatever it finds
//            originEqual         B3: the writer asks whether the value is its own, not whether the origin is newer
//            ignorePromises      C1: promises are not looked at
//            pickOrigin          B3, C2: m is the val with the highest origin
//            firstIsGuess        B1: a refused stamp is `first`
//            skipOrder=mask      B1: STORE without ORDER. skipTop: only by the last writer, with the highest stamp
//            alive               C1: a promise of a living writer is not looked at
//            noWriteBack         C1: a version on a minority is returned
//            joinFrom=n          E2: so many are listed
//            joinNoPromises      E2: values only
//            earlyStore          E1: a joining replica answers STORE
//            noIncarnations      E4: answers of former incarnations count
//            plainW=mask plainR  writers, readers of the base protocol; plainR=2: some readers
//            updRule=1           F1: the origin of a result is the own first stamp
//            updRule=2           F2: what may be in there already is computed again
//            updRule=3           F3: what is unknown is reported as done
// Search     bits=26    the table holds 2^bits states of 8 bytes
//            max=n      gives up after n million states. seconds=n: after that time
//            walk=n     n random walks of len=400 steps from seed=1 on, in place of the search
//            solo=n     P4: in each n-th state, each coordinator goes on alone with each majority
//            trace      shortest path to a violation, or the path of a walk (more memory)
//            noP3       P3 is not checked, so what P1 and P2 lose is seen
//
// Exit status: 0 no violation, 1 violation, 2 bad option, 3 an array is too small, 4 given up.
#include "strict-checker/protocol.h"
#include <cstddef>
#include <ctime>
#include <deque>
#include <sys/mman.h>
#include <utility>

// ------------------------------------------------------------------------------------------------- states already seen
static u64* table;
static u64 tableMask, stateCount;

static u64 mix(u64 x) {
  for (int i = 0; i < 2; i++) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
  }
  return x ^ x >> 32;
}
static u64 hashOf(const void* bytes, size_t length, u64 hash) {
  const u8* at = (const u8*)bytes;
  for (; length >= 8; at += 8, length -= 8) {
    u64 word;
    memcpy(&word, at, 8);
    hash = mix(hash ^ word) + 0x9e3779b97f4a7c15ull;
  }
  u64 word = 0;
  memcpy(&word, at, length);
  return mix(hash ^ word ^ (u64)length << 56);
}
// Without lost disks the replicas are alike, so their order does not matter. Nor does that of the readers (swapped).
static u64 printOf(const State& s, bool swapped) {
  int order[COORDINATORS];
  for (int i = 0; i < COORDINATORS; i++) order[i] = i;
  if (swapped) std::swap(order[NW], order[NW + 1]);
  u64 sum = 0;
  for (int r = 0; r < N; r++) {
    u8 bytes[sizeof(Replica) + COORDINATORS * sizeof(Reply)];
    memcpy(bytes, &s.replicas[r], sizeof(Replica));
    for (int i = 0; i < COORDINATORS; i++)
      memcpy(bytes + sizeof(Replica) + i * sizeof(Reply), &s.coordinators[order[i]].replies[r], sizeof(Reply));
    sum += hashOf(bytes, sizeof bytes, opt.loss ? 77 + r : 77);
  }
  u64 hash = mix(sum);
  for (int i : order) hash = hashOf(&s.coordinators[i], offsetof(Coordinator, replies), hash);
  hash = hashOf(&s.reads, 7, hash);
  hash = hashOf(s.messages, s.messageCount * sizeof(Message), hash);
  u64 all[CONFIGURATIONS_MAX];
  memcpy(all, s.configurations, sizeof all);
  if (swapped) {
    for (int i = 0; i < s.configurationCount; i++)
      all[i] = (all[i] & ~ALL_SEEN) | seen(all[i], 0) << seenAt(1) | seen(all[i], 1) << seenAt(0);
    std::sort(all, all + s.configurationCount);
  }
  return hashOf(all, s.configurationCount * sizeof(u64), hash);
}
static bool insert(const State& s) {
  u64 print = (opt.slots > 1 ? std::min(printOf(s, false), printOf(s, true)) : printOf(s, false)) | 1;
  u64 i = (print * 0x9e3779b97f4a7c15ull >> 20) & tableMask;
  for (; table[i]; i = (i + 1) & tableMask) if (table[i] == print) return false;
  table[i] = print;
  stateCount++;
  return true;
}
static time_t started = time(nullptr);
static bool late() { return opt.seconds && time(nullptr) - started >= opt.seconds; }
static bool full() {
  return late() || stateCount > tableMask - (tableMask >> 3) || (opt.max && stateCount > opt.max * 1000000ull);
}

// ------------------------------------------------------------------------------------------------------------------ P4
static u64 soloRuns, soloBad;
static int soloRoundsMax;

static bool resting(const Coordinator& c) { return c.phase == DONE || c.phase == IDLE || c.phase == UNKNOWN; }

static void soloRound(State& s, int i, int majority) {
  int phase = s.coordinators[i].phase, current = s.coordinators[i].current;
  if (phase == QUERYING && counted(s.coordinators[i]) >= MAJORITY) { // the third replica does not answer
    State t = s;
    soloHas = false;
    queried(t, i);
    if (soloHas) s = soloNext;
    return;
  }
  for (int r = 0; r < N; r++) {
    const Coordinator& c = s.coordinators[i];
    if (c.phase != phase || c.current != current) return;
    if (!(majority >> r & 1) || c.replies[r].counted) continue;
    soloHas = false;
    if (phase == QUERYING) query(s, i, r);
    for (int k = 0; k < s.messageCount && phase != QUERYING; k++) {
      if (!awaits(c, s.messages[k])) continue;
      State t = s;
      bool changed;
      int yes = handle(t.replicas[r], s.messages[k], changed);
      if (yes >= 0) answered(t, i, r, yes, t.replicas[r].promised);
      break;
    }
    if (soloHas) s = soloNext;
  }
}
static void solo(const State& from) {
  for (int i = 0; i < COORDINATORS; i++) {
    int phase = from.coordinators[i].phase;
    if (phase == STUCK || phase == CRASHED || resting(from.coordinators[i])) continue;
    for (int set = 0; set < 1 << N; set++) {
      bool joining = false;
      for (int r = 0; r < N; r++) joining = joining || ((set >> r & 1) && from.replicas[r].joining);
      if (__builtin_popcount(set) != MAJORITY || joining) continue;
      State s = from;
      const char* before = violation;
      int rounds = 0;
      soloMode = true;
      while (rounds < 12 && !resting(s.coordinators[i])) {
        soloRound(s, i, set);
        rounds++;
      }
      soloMode = false;
      violation = before;
      soloRuns++;
      soloRoundsMax = std::max(soloRoundsMax, rounds);
      if (!resting(s.coordinators[i])) soloBad++;
    }
  }
}

// -------------------------------------------------------------------------------------------------------------- search
static int argumentCount;
static char** arguments;
static clock_t begin;

static int report(const char* what, int status) {
  printf("%s: N=%d NW=%d", what, N, NW);
  for (int i = 1; i < argumentCount; i++) printf(" %s", arguments[i]);
  printf(" | %s=%llu", opt.walk ? "steps" : "states", (unsigned long long)stateCount);
  if (opt.solo)
    printf(" solo: runs=%llu unfinished=%llu rounds<=%d", (unsigned long long)soloRuns, (unsigned long long)soloBad,
           soloRoundsMax);
  printf(" %.0fs\n", (double)(clock() - begin) / CLOCKS_PER_SEC);
  fflush(stdout);
  return soloBad && !status ? 1 : status;
}
static int reportViolation(const std::vector<std::string>& path) {
  printf("VIOLATION %s\n", violation);
  for (size_t i = 0; i < path.size(); i++) printf("  %2zu %s\n", i + 1, path[i].c_str());
  const State& s = violationState;
  for (int r = 0; r < N && opt.trace; r++) {
    const Replica& p = s.replicas[r];
    printf("      r%d val=(%s, origin %s, %s) promised=%s%s\n", r, label(s, p.stamp).c_str(),
           label(s, p.origin).c_str(), showValue(p.value).c_str(), label(s, p.promised).c_str(),
           p.joining ? " joining" : "");
  }
  return report("found", 1);
}
static int walks(const State& start) {
  u64 random = opt.seed * 0x9e3779b97f4a7c15ull + 1;
  for (int k = 0; k < opt.walk && !late(); k++) {
    State s = start;
    overflow = false;
    std::vector<std::string> path;
    for (int l = 0; l < opt.len; l++) {
      generate(s);
      if (violation) {
        path.push_back(violationAct);
        return reportViolation(path);
      }
      if (successors.empty() || overflow) break;
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      const Successor& next = successors[random % successors.size()];
      if (opt.trace) path.push_back(next.act);
      s = next.state;
      stateCount++;
    }
  }
  return report("walks, no violation", 0);
}
static int breadthFirst(const State& start) { // with the way to each state
  std::deque<std::pair<State, size_t>> queue;
  std::vector<std::pair<size_t, std::string>> ways = {{0, "start"}};
  insert(start);
  for (queue.push_back({start, 0}); !queue.empty(); queue.pop_front()) {
    auto [s, id] = queue.front();
    generate(s);
    if (violation) {
      std::vector<std::string> path = {violationAct};
      for (size_t x = id; x; x = ways[x].first) path.push_back(ways[x].second);
      std::reverse(path.begin(), path.end());
      return reportViolation(path);
    }
    for (const Successor& next : successors) {
      if (!insert(next.state)) continue;
      ways.push_back({id, next.act});
      queue.push_back({next.state, ways.size() - 1});
    }
    if (full()) return report("given up", 4);
  }
  return report("exhausted, no violation", 0);
}
static int depthFirst(const State& start) {
  std::vector<State> stack = {start};
  insert(start);
  u64 expanded = 0;
  while (!stack.empty()) {
    State s = stack.back();
    stack.pop_back();
    generate(s);
    expanded++;
    if (violation) return reportViolation({});
    if (opt.solo && expanded % opt.solo == 0) {
      std::vector<Successor> kept;
      kept.swap(successors);
      solo(s);
      successors.swap(kept);
    }
    for (const Successor& next : successors) if (insert(next.state)) stack.push_back(next.state);
    if (full()) return report("given up", 4);
  }
  return report("exhausted, no violation", 0);
}
static bool takeOption(const char* argument) {
  const char* equals = strchr(argument, '=');
  std::string name = equals ? std::string(argument, equals) : argument;
  for (auto& option : OPTIONS) {
    if (name != option.name) continue;
    *option.at = equals ? atoi(equals + 1) : 1;
    return true;
  }
  return false;
}
int main(int count, char** given) {
  argumentCount = count;
  arguments = given;
  for (int i = 1; i < count; i++)
    if (!takeOption(given[i])) {
      fprintf(stderr, "unknown option: %s\n", given[i]);
      return 2;
    }
  if (opt.slots > SLOTS || opt.bits > 33 || (opt.upd && opt.sw > OWN_STAMPS)) {
    fprintf(stderr, "at most slots=%d, bits=33, and sw=%d with upd\n", SLOTS, OWN_STAMPS);
    return 2;
  }
  begin = clock();
  makeValues();
  tableMask = (1ull << opt.bits) - 1;
  table = (u64*)mmap(0, 8ull << opt.bits, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  State start;
  memset(&start, 0, sizeof start);
  start.reads = opt.reads;
  start.crashes = opt.crash;
  start.writerCrashes = opt.wcrash;
  start.losses = opt.loss;
  start.configurationCount = 1;
  if (opt.walk) return walks(start);
  return opt.trace ? breadthFirst(start) : depthFirst(start);
}
