/** The failures of repairs. */
export const repairFailures = {
  repair_running: { what: "A repair is under way.", next: "Wait until it has ended." },
  repair_interrupted: { what: "The last repair was interrupted, and nothing of it goes on by itself.", next: "Look at what was done, then go on." },
  repair_too_many: { what: "There were several repairs within an hour.", next: "Try again later." },
  repair_tried: { what: "This repair was tried twice and did not help.", next: "Save a report and ask for help." },
  repair_changed: { what: "Something has changed since the look, so nothing more was done.", next: "Look again." },
  repair_expired: { what: "The look is too old to act on, so nothing was done.", next: "Look again." },
  repair_unknown: { what: "This repair is not known any more.", next: "Look again." },
  repair_not_recorded: { what: "SmartPi could not write down what it does, so it stopped.", next: "Make room on the disk, then look again." },
  repair_no_undo: { what: "Nothing of this repair can be undone.", next: "Look again to see how things are now." },
};
