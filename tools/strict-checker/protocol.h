// The strict register as steps of replicas and coordinators: all successors of a state. Clause numbers are those of
// docs/strict-register.md. Each weakened rule is behind an option, at the clause that it weakens.
#pragma once
#include "steps.h"

// --------------------------------------------------------------------------------------------------------- coordinator
static void rest(Coordinator& c, int phase) {
  u8 first = phase == DONE ? c.first : 0; // for P3
  memset(&c, 0, sizeof c);
  c.phase = phase;
  c.first = first;
}
static void finish(State& s, int i) {
  Coordinator& c = s.coordinators[i];
  if (opt.learn && c.phase == STORING) send(s, {LEARN, c.current, c.origin, c.value}); // D1
  if (i >= NW) {
    int value = c.value;
    sayMore("  => READ returns " + showValue(value));
    if (!readReturns(s, i - NW, value)) return;
    memset(&c, 0, sizeof c);
  } else if (c.unsure && opt.updRule != 3) {
    sayMore("  => UPDATE unknown");
    s.dead |= 1 << i; // it took effect before this moment, or never will
    neverReturns(s, i);
    rest(c, UNKNOWN);
  } else {
    sayMore("  => WRITE complete");
    if (!writeReturns(s, i, c.unsure ? -1 : c.value)) return;
    rest(c, DONE);
    if (opt.noP3 || isUpdate(i)) c.first = 0;
  }
  emit(s);
}
static bool outOfStamps(const State& s, int i) {
  if (soloMode || s.coordinators[i].left) return false;
  State t = s;
  rest(t.coordinators[i], STUCK);
  if (i < NW) neverReturns(t, i);
  sayMore("  (out of stamps)");
  emit(t);
  return true;
}
static void toOrder(const State& s, int i, int above, Phase phase) { // B1 again, B3, C2
  if (outOfStamps(s, i)) return;
  std::string before = act;
  newStamp(s, above, [&](State& t, int x) {
    Coordinator& c = t.coordinators[i];
    c.phase = phase;
    c.current = x;
    c.origin = c.value = 0;
    if (!soloMode) c.left--;
    noReplies(c);
    send(t, {ORDER, (u8)x, 0, 0});
    act = before;
    sayMore("  => sends ORDER(" + label(t, x) + ")" + orderOf(t));
    emit(t);
  });
  act = before;
}
static void refused(const State& s, int i, int above) {
  toOrder(s, i, above, s.coordinators[i].phase == ORDERING ? ORDERING : SETTLING);
}
static void toStore(State& t, int i, int stamp, int origin, int value) {
  Coordinator& c = t.coordinators[i];
  c.phase = STORING;
  c.current = stamp;
  c.origin = origin;
  c.value = value;
  noReplies(c);
  send(t, {(u8)(c.plain ? PLAIN : STORE), (u8)stamp, (u8)origin, (u8)value});
  sayMore("  => sends STORE(" + label(t, stamp) + ", origin " + label(t, origin) + ", " + showValue(value) + ")");
}
// E4. False: this answer is not counted.
static bool takeIncarnations(State& t, int i, int r) {
  if (!opt.loss || opt.noIncarnations) return true;
  Coordinator& c = t.coordinators[i];
  const Replica& from = t.replicas[r];
  for (int q = 0; q < N; q++) c.known[q] = std::max(c.known[q], q == r ? from.incarnation : from.known[q]);
  for (int q = 0; q < N; q++)
    if (c.replies[q].counted && c.replies[q].incarnation < c.known[q]) memset(&c.replies[q], 0, sizeof(Reply));
  return from.incarnation >= c.known[r];
}
// F1 to F3: what an update does with the newest version of a majority that has promised c.current.
static void updateSettled(State& t, int i, Reply m) {
  Coordinator& c = t.coordinators[i];
  bool own = false, ownOrigin = opt.updRule == 1;
  for (u8 x : c.own) own = own || (x && (ownOrigin ? m.origin == c.first : m.stamp == x));
  bool none = !c.first || (ownOrigin ? m.origin : m.stamp) < c.first;
  c.unsure = !own && !none && opt.updRule != 2;
  if (c.unsure) return toStore(t, i, c.current, m.origin, m.value);
  if (!c.first) c.first = c.current;
  for (u8& x : c.own) if (!x) { x = c.current; break; }
  if (own) return toStore(t, i, c.current, m.origin, m.value);
  toStore(t, i, c.current, ownOrigin ? c.first : m.origin, valueAfter[m.value][i]);
}
static void settled(State& t, int i) { // B3, C2
  Coordinator& c = t.coordinators[i];
  Reply m = *newestOf(c);
  if (isUpdate(i)) return updateSettled(t, i, m);
  bool newer = opt.originEqual ? m.value == valueAfter[0][i] : m.origin >= c.first && !opt.noOrigin;
  if (i >= NW || newer) toStore(t, i, c.current, m.origin, m.value);
  else toStore(t, i, c.current, c.first, valueAfter[0][i]);
}
static bool ofLivingWriter(const State& s, int stamp) {
  for (int w = 0; w < NW; w++) {
    const Coordinator& c = s.coordinators[w];
    if (c.current == stamp && (c.phase == ORDERING || c.phase == STORING || c.phase == SETTLING)) return true;
  }
  return false;
}
static void queried(State& t, int i) { // C1
  Coordinator& c = t.coordinators[i];
  if (counted(c) < MAJORITY) return emit(t);
  Reply m = *newestOf(c);
  if (i < NW) { // a writer of the base protocol
    std::string before = act;
    newStamp(t, m.stamp, [&](State& u, int x) {
      act = before;
      u.coordinators[i].first = x;
      toStore(u, i, x, x, valueAfter[0][i]);
      emit(u);
    });
    return;
  }
  if (c.plain) {
    toStore(t, i, m.stamp, m.stamp, m.value);
    return emit(t);
  }
  for (const Reply& a : c.replies) {
    if (!a.counted || (!opt.split && a.stamp != m.stamp)) continue;
    int have = 0, quiet = 0;
    for (const Reply& b : c.replies) {
      if (!b.counted) continue;
      have += b.stamp == a.stamp;
      quiet += b.promised <= a.stamp || opt.ignorePromises || (opt.alive && ofLivingWriter(t, b.promised));
    }
    if (!opt.split && (have < counted(c) || quiet < counted(c))) continue;
    if (have < MAJORITY || quiet < MAJORITY) continue;
    c.value = a.value;
    if (opt.learn == 2) send(t, {LEARN, a.stamp, a.origin, a.value}); // D1 after one round
    return finish(t, i);
  }
  if (opt.split && counted(c) < N) { // it may ask the others first
    State u = t;
    emit(u);
  }
  u8 promised = 0;
  for (const Reply& a : c.replies) if (a.counted) promised = std::max(promised, a.promised);
  if (promised > m.stamp && !opt.ignorePromises) return toOrder(t, i, promised, SETTLING);
  if (opt.noWriteBack) {
    c.value = m.value;
    return finish(t, i);
  }
  Reply before[N];
  memcpy(before, c.replies, sizeof before);
  toStore(t, i, m.stamp, m.origin, m.value);
  for (int r = 0; r < N; r++)
    if (before[r].counted && before[r].stamp == m.stamp) {
      c.replies[r].counted = COUNTED;
      c.replies[r].incarnation = before[r].incarnation;
    }
  if (counted(c) >= MAJORITY) finish(t, i);
  else emit(t);
}
static void answered(State t, int i, int r, bool yes, int promised) {
  Coordinator& c = t.coordinators[i];
  if (!takeIncarnations(t, i, r)) return emit(t);
  if (!yes) return refused(t, i, promised);
  const Replica& from = t.replicas[r];
  Reply& reply = c.replies[r];
  reply = {COUNTED, 0, 0, 0, 0, from.incarnation};
  if (c.phase == SETTLING) reply = {COUNTED, from.stamp, from.origin, from.value, 0, from.incarnation};
  if (counted(c) < MAJORITY) return emit(t);
  if (c.phase == STORING) return finish(t, i);
  if (c.phase == SETTLING) {
    settled(t, i);
    if (c.unsure && opt.updRule == 4) return finish(t, i); // F3 without STORE
    return emit(t);
  }
  if (!opt.firstIsGuess) c.first = c.current; // B2
  toStore(t, i, c.current, c.current, valueAfter[0][i]);
  emit(t);
}

// ------------------------------------------------------------------------------------------------------------- replica
static void take(Replica& r, const Message& m) {
  r.stamp = m.stamp;
  r.origin = m.origin;
  r.value = m.value;
  r.promised = std::max(r.promised, m.stamp);
}
// Returns 1: yes, 0: refused, -1: no answer.
static int handle(Replica& r, const Message& m, bool& changed) {
  changed = false;
  switch (m.kind) {
  case ORDER: { // A2
    bool granted = m.stamp > r.stamp && (m.stamp >= r.promised || opt.orderAny);
    if (opt.orderAny == 2) granted = true;
    if (!granted) return 0;
    changed = m.stamp > r.promised;
    r.promised = std::max(r.promised, m.stamp);
    return 1;
  }
  case STORE: // A3
    if (opt.storedBelow && r.stamp == m.stamp) return 1;
    if (opt.superseded && r.stamp > m.stamp && r.origin >= (opt.superseded == 2 ? m.origin : m.stamp)) return 1;
    if (m.stamp < r.promised) return 0;
    if (r.stamp == m.stamp) return 1;
    take(r, m);
    changed = true;
    return 1;
  case LEARN: // D1
    changed = m.stamp > r.stamp;
    if (changed) take(r, m);
    return -1;
  default: // WRITE_PROC of the base protocol
    changed = m.stamp > r.stamp;
    if (changed) take(r, m);
    return 1;
  }
}

// ------------------------------------------------------------------------------------------------ all steps of a state
static void deliver(const State& s, int index, int r) {
  static const char* names[] = {"", "ORDER", "STORE", "LEARN", "WRITE_PROC"};
  Message m = s.messages[index];
  if (s.replicas[r].joining && !(opt.earlyStore && m.kind == STORE)) return; // E1
  State t = s;
  bool changed;
  int yes = handle(t.replicas[r], m, changed);
  if (changed) {
    say("r%d handles %s(%s), answer lost", r, names[m.kind], label(t, m.stamp).c_str());
    State u = t;
    emit(u);
  }
  if (yes < 0) return;
  for (int i = 0; i < COORDINATORS; i++) {
    if (!awaits(t.coordinators[i], m) || t.coordinators[i].replies[r].counted) continue;
    say("r%d handles %s(%s): %s to %s", r, names[m.kind], label(t, m.stamp).c_str(), yes ? "yes" : "REFUSED",
        nameOf(i).c_str());
    answered(t, i, r, yes, t.replicas[r].promised);
  }
}
static void query(const State& s, int i, int r) { // A1
  if (s.replicas[r].joining || s.coordinators[i].replies[r].counted) return;
  State t = s;
  Coordinator& c = t.coordinators[i];
  bool begins = c.phase == IDLE;
  if (begins) {
    c.phase = QUERYING;
    if (i < NW) linearizePending(t);
    else {
      t.reads--;
      c.left = opt.sr;
      readBegins(t, i - NW);
    }
  }
  say("%s%s asks r%d", nameOf(i).c_str(), begins ? " (begins)" : "", r);
  if (!takeIncarnations(t, i, r)) return emit(t);
  const Replica& from = t.replicas[r];
  c.replies[r] = {COUNTED, from.stamp, from.origin, from.value, from.promised, from.incarnation};
  if (c.plain) c.replies[r].promised = 0;
  queried(t, i);
}
static void readerSteps(const State& s, int i) {
  const Coordinator& c = s.coordinators[i];
  bool mayBegin = s.reads && i - NW < opt.slots && (i == NW || s.coordinators[i - 1].phase != IDLE);
  if (c.phase == QUERYING || (c.phase == IDLE && mayBegin))
    for (int r = 0; r < N; r++) {
      if (c.phase == QUERYING || opt.plainR != 1) query(s, i, r);
      if (c.phase == QUERYING || !opt.plainR) continue;
      State t = s;
      t.coordinators[i].plain = 1;
      query(t, i, r);
    }
  if (opt.rcrash && c.phase != IDLE && c.phase != QUERYING && s.reads) {
    State t = s;
    memset(&t.coordinators[i], 0, sizeof(Coordinator));
    forgetRead(t, i - NW);
    say("%s CRASHES", nameOf(i).c_str());
    emit(t);
  }
}
static void writerBegins(const State& s, int w) {
  if (opt.plainW >> w & 1) {
    State t = s;
    t.coordinators[w].plain = 1;
    for (int r = 0; r < N; r++) query(t, w, r);
    return;
  }
  newStamp(s, 0, [&](State& t, int x) {
    Coordinator& c = t.coordinators[w];
    c.current = x;
    c.left = opt.sw - 1;
    c.phase = isUpdate(w) ? SETTLING : ORDERING;
    bool skip = opt.skipOrder >> w & 1;
    if (skip && opt.skipTop && (x < highestStamp(t) || !w || t.coordinators[w - 1].phase != DONE)) return;
    if (opt.firstIsGuess || skip) c.first = x;
    linearizePending(t);
    say("W%d begins with %s%s", w + 1, label(t, x).c_str(), orderOf(t).c_str());
    if (skip) toStore(t, w, x, x, valueAfter[0][w]);
    else send(t, {ORDER, (u8)x, 0, 0});
    emit(t);
  });
}
static void writerSteps(const State& s, int w) {
  const Coordinator& c = s.coordinators[w];
  bool alike = !opt.plainW && !opt.skipOrder && (!opt.upd || opt.upd == (1 << NW) - 1);
  if (c.phase == IDLE && (!w || !alike || s.coordinators[w - 1].phase != IDLE)) writerBegins(s, w);
  if (c.phase == QUERYING) for (int r = 0; r < N; r++) query(s, w, r);
  if (!s.writerCrashes || c.phase == IDLE || c.phase == DONE || c.phase == CRASHED || c.phase == UNKNOWN) return;
  State t = s;
  t.writerCrashes--;
  memset(&t.coordinators[w], 0, sizeof(Coordinator));
  t.coordinators[w].phase = CRASHED;
  t.dead |= 1 << w; // P2
  neverReturns(t, w);
  say("W%d CRASHES", w + 1);
  emit(t);
}
static void crashSteps(const State& s, int r) { // A4
  State t = s;
  t.crashes--;
  if (!opt.limit) t.replicas[r].promised = t.replicas[r].stamp;
  say("r%d crashes and restarts", r);
  emit(t);
  if (opt.limit < 2) return;
  t = s;
  t.crashes--;
  newStamp(t, t.replicas[r].promised, [&](State& u, int x) {
    u.replicas[r].promised = x;
    say("r%d crashes and restarts with the floor %s", r, label(u, x).c_str());
    emit(u);
  });
}
static void lossSteps(const State& s) {
  bool joining = false;
  for (const Replica& r : s.replicas) joining = joining || r.joining;
  for (int r = 0; r < N && s.losses && !joining; r++) { // E1
    State t = s;
    Replica& replica = t.replicas[r];
    u8 incarnation = replica.incarnation + 1;
    memset(&replica, 0, sizeof replica);
    replica.incarnation = replica.known[r] = incarnation;
    replica.joining = JOINING;
    t.losses--;
    say("r%d LOSES ITS DISK", r);
    emit(t);
  }
  for (int r = 0; r < N; r++)
    for (int q = 0; q < N; q++) { // E2, E3
      if (!s.replicas[r].joining || q == r || s.replicas[q].joining || (s.replicas[r].joining >> q & 1)) continue;
      State t = s;
      Replica& to = t.replicas[r];
      Replica& from = t.replicas[q];
      from.known[r] = std::max(from.known[r], to.incarnation);
      for (int x = 0; x < N; x++) to.known[x] = std::max(to.known[x], from.known[x]);
      if (from.stamp > to.stamp) to.stamp = from.stamp, to.origin = from.origin, to.value = from.value;
      to.promised = std::max(to.promised, opt.joinNoPromises ? to.stamp : from.promised);
      to.joining |= 1 << q;
      if (__builtin_popcount(to.joining & ~JOINING) >= opt.joinFrom) to.joining = 0;
      say("r%d lists r%d%s", r, q, to.joining ? "" : " and is a member");
      emit(t);
    }
}
static void generate(const State& s) {
  successors.clear();
  for (int m = 0; m < s.messageCount; m++) for (int r = 0; r < N; r++) deliver(s, m, r);
  for (int i = NW; i < COORDINATORS; i++) readerSteps(s, i);
  for (int w = 0; w < NW; w++) writerSteps(s, w);
  if (s.crashes) for (int r = 0; r < N; r++) if (!s.replicas[r].joining) crashSteps(s, r);
  if (opt.loss) lossSteps(s);
  for (int i = 0; i < COORDINATORS && opt.giveup; i++) { // as if refused, or as if a promise had been seen
    int phase = s.coordinators[i].phase;
    if (s.coordinators[i].plain || s.coordinators[i].left == 0) continue;
    if (phase != ORDERING && phase != STORING && phase != SETTLING && !(phase == QUERYING && i >= NW)) continue;
    say("%s starts again", nameOf(i).c_str());
    refused(s, i, phase == QUERYING ? 0 : s.coordinators[i].current);
  }
}
