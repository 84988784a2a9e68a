#!/usr/bin/env python3
"""Two small agents that hand work to each other through Seamwatch. Only the standard library is needed.

    python3 examples/agent.py emit      # researcher: hands one piece of work to the writer; `emit TOPIC`: another
    python3 examples/agent.py work      # writer: claims, acknowledges and completes until ctrl-c; `once`: one only
    python3 examples/agent.py broken    # a contract without failure_modes, and what the server says to it

HANDOFF_URL says where the orchestrator is (http://127.0.0.1:7600 unless set; start one with `seam serve`),
HANDOFF_TOKEN who you are, where tokens are needed, HANDOFF_LEASE_S how long the work of an agent that died stays with it
(60 seconds unless set), and HANDOFF_THINK_S how many seconds the writer thinks: it may be much longer.
"""
import contextlib, hashlib, json, os, sys, threading, time, urllib.error, urllib.request

BASE = os.environ.get("HANDOFF_URL", "http://127.0.0.1:7600").rstrip("/") + "/api/v1/handoffs"
TOKEN = os.environ.get("HANDOFF_TOKEN")
LEASE_S = int(os.environ.get("HANDOFF_LEASE_S", "60"))


def post(path, body, patience=5):
    """The status and the answer of a POST; a refusal is an answer, too, but for one that says when to try again."""
    headers = {"Content-Type": "application/json", **({"Authorization": "Bearer " + TOKEN} if TOKEN else {})}
    request = urllib.request.Request(BASE + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or "null")
    except urllib.error.HTTPError as refusal:
        after = refusal.headers.get("Retry-After")
        if after and patience:
            time.sleep(int(after))
            return post(path, body, patience - 1)
        return refusal.code, json.loads(refusal.read() or "null")


def contract(topic):
    """The least a producer says; the server fills in keys and position."""
    return {
        # One topic is one run, so that whoever hands it over twice, because no answer came, does so once.
        "trace_id": hashlib.sha256(topic.encode()).hexdigest()[:32],
        "source": {"kind": "agent", "id": "researcher"},
        "target": {"kind": "agent", "id": "article-writer"},
        "pipeline": {"name": "python-example", "version": "1.0.0", "stage": "draft", "output": "article"},
        "brief": {
            "title": f"Write an article about {topic}",
            "goal": "Publish one article",
            "current_state": "Research is finished",
            "next_step": "Write about 600 words from these findings",
            "definition_of_done": [{"item": "Every claim has a source", "met": False}],
            "owner": {"kind": "agent", "id": "article-writer"},
        },
        "working_memory": {"payload": {"schema": "research-findings", "version": "1.0.0", "fields": {
            "sources": ["https://a.example/prices"], "key_findings": ["A is cheapest"], "confidence": 0.86}}},
        "provenance": {"model": {"name": "model-x", "version": "2026-07"},
                       "prompt": {"name": "research", "version": "3"}, "confidence": 0.86, "tool_calls": []},
        "failure_modes": {"retryable": ["timeout"], "escalate": ["policy_violation"], "default": "retry"},
    }


def emit(topic="prices"):
    status, answer = post("", contract(topic))
    if status not in (200, 201):
        return refused(status, answer)
    told = "emitted" if status == 201 else "emitted before as"
    print(f"{told} {answer['handoff_id']}; `seam show {answer['handoff_id']}` tells all about it")
    return 0


def write(contract):
    """Where a real agent would think."""
    print(f"working on: {contract['brief']['title']}", flush=True)
    time.sleep(float(os.environ.get("HANDOFF_THINK_S", "0")))
    return {"words": 600}


def take_one():
    status, task = post("/claim", {"agent": "article-writer", "wait_s": 20, "lease_s": LEASE_S})
    if status != 200:  # 204: there was nothing to do for 20 seconds
        return status, task
    handoff, lease = f"/{task['handoff_id']}/", {"lease_id": task["lease_id"]}
    post(handoff + "ack", lease)  # the contract is understood: the work is ours
    with kept(handoff, lease):  # for as long as the model thinks
        try:
            result = write(task["contract"])
        except KeyError as why:  # the contract says whether a code is tried again
            return post(handoff + "fail", {**lease, "code": "timeout", "detail": str(why)})
        return post(handoff + "complete", {**lease, "result": result})


@contextlib.contextmanager
def kept(handoff, lease):
    """The lease does not end before the work: a heartbeat every third of it."""
    done = threading.Event()

    def beat():
        while not done.wait(LEASE_S / 3):
            with contextlib.suppress(OSError):  # the next one may get through
                post(handoff + "heartbeat", lease)

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def work(once=False):
    while True:  # the whole life of an agent
        status, answer = take_one()
        if status == 200:
            done = answer["handoff"]
            print(f"{done['state']} {done['handoff_id']}", flush=True)
        elif status == 409:  # the lease was lost: somebody else does it
            refused(status, answer)
        elif status != 204:
            return refused(status, answer)
        if once and status == 200:
            return 0


def broken():
    bad = contract("nothing")
    del bad["failure_modes"]
    status, answer = post("", bad)
    refused(status, answer)
    return 0 if status == 422 else 1


def refused(status, answer):
    print(f"refused with {status}: {(answer or {}).get('title', 'no reason given')}")
    for error in (answer or {}).get("errors", []):
        print(f"  {error['path'] or '/'}: {error['message']}")
    return 1


if __name__ == "__main__":
    roles = {"emit": emit, "work": work, "once": lambda: work(once=True), "broken": broken}
    role, topic = sys.argv[1:2], sys.argv[2:]
    if not role or role[0] not in roles or len(topic) > (role[0] == "emit"):
        sys.exit(__doc__)
    try:
        sys.exit(roles[role[0]](*topic))
    except KeyboardInterrupt:
        print()
    except urllib.error.URLError as why:
        sys.exit(f"nobody answers at {BASE}: {why.reason}. Start an orchestrator with `seam serve`, or set HANDOFF_URL.")
