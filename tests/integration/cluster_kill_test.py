#!/usr/bin/env python3
"""kill -9 of each of five processes, of the broker and of PostgreSQL in mid-run: nothing is lost, nothing unsaid."""
import time

import harness
from harness import case, expect
from desk_load import Load
from five_processes import FiveProcesses
import reconcile

BEFORE, MEANWHILE, AFTER = 15, 10, 10  # tickets acknowledged before the kill, without the killed one, and after
REFUSED = 4
PAUSE = 0.1  # seconds between two turns of a writer
KILLS_THAT_REPEAT = 2  # of notifications and of PostgreSQL: only these can make a delivery's outcome unknown

world = FiveProcesses()
load = None
listed, deliveries = {}, {}
tickets_away = []  # (from, until)


def kill_in_mid_run(name, commands_go_on, in_flight=False):
    """kill -9 under load, a restart, and a ticket of the time in between on its whole way."""
    global load
    if load is None:
        world.start()
        load = Load(world, pause=PAUSE)
    server = world.server(name)
    load.go_on(BEFORE)
    inbox = world.sinks.inbox
    if in_flight:  # a sender waits for its answer
        inbox.hold_next("webhook")
        expect(inbox.wait_held(["webhook"], 60), f"nothing was in flight when {name} was to be killed")
    before = set(load.created)
    since = time.time()
    server.kill9()
    try:
        if commands_go_on:
            load.go_on(MEANWHILE)
        else:
            load.wait_refused(REFUSED)
    finally:
        inbox.release()
        server.begin()
    load.go_on(AFTER)
    load.rest()
    server.wait_ready()
    world.wait_serving()
    if name == "tickets":
        tickets_away.append((since, time.time()))
    unheard = [title for ticket, title in load.created.items()
               if ticket not in before and ticket not in load.acknowledged]
    expect(unheard, "no ticket since the kill is there to be paged")
    for title in unheard:
        world.wait_mail(title)


@case
def tickets_is_killed():
    kill_in_mid_run("tickets", commands_go_on=False)


@case
def sla_is_killed():
    kill_in_mid_run("sla", commands_go_on=True)


@case
def escalation_is_killed():
    kill_in_mid_run("escalation", commands_go_on=True)


@case
def notifications_is_killed():
    kill_in_mid_run("notifications", commands_go_on=True, in_flight=True)


@case
def analytics_is_killed():
    kill_in_mid_run("analytics", commands_go_on=True)


@case
def the_broker_is_killed():
    kill_in_mid_run("kafka", commands_go_on=True)


@case
def postgresql_is_killed():
    kill_in_mid_run("postgres", commands_go_on=False, in_flight=True)


@case
def all_comes_to_rest():
    load.finish()
    world.wait_rest()
    world.expect_no_dead_letters()
    print(f"       {len(load.created)} tickets, {len(load.alerts)} alerts by rpc, {len(load.raw)} on the raw topic; "
          f"calls: {dict(load.calls)}")


@case
def every_acknowledged_command_is_there():
    listed.update(reconcile.commands(world, load))
    expect(len(listed) > 100, f"only {len(listed)} tickets")


@case
def every_alert_has_its_ticket():
    expect(len(load.raw) > 5 and len(load.alerts) > 5, "there were hardly any alerts")
    reconcile.alerts(load, listed)


@case
def every_breach_happened_once():
    expect(len(reconcile.breaches(world, listed, tickets_away)) > 20, "hardly any clock ran out")


@case
def every_topic_is_complete_and_in_order():
    events, repeats = reconcile.topics(world)
    expect(events > 1000, f"only {events} events")
    print(f"       {events} events, {repeats} of them on their topic again")


@case
def everybody_who_was_due_was_paged():
    deliveries.update(reconcile.pages(world, listed))
    expect(len(deliveries) > 300, f"only {len(deliveries)} deliveries")


@case
def the_sinks_agree_delivery_by_delivery():
    twice = reconcile.sinks(world, deliveries, KILLS_THAT_REPEAT)
    # The webhook that waited for its answer when notifications was killed had arrived.
    expect(twice >= 1, "the kills found nothing in flight")
    print(f"       {len(deliveries)} deliveries, {twice} of them came twice, all marked")


@case
def analytics_counts_all_of_it():
    reconcile.figures(world, listed, deliveries)


if __name__ == "__main__":
    harness.main()
