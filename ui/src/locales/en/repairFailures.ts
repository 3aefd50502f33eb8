/** The failures of a check or a repair. */
export const repairFailures = {
  repair_running: { what: "A repair is under way already.", next: "Wait until it has ended." },
  repair_interrupted: { what: "An earlier repair was interrupted, and nobody has looked at it yet.", next: "Look at it on the Health page first." },
  repair_too_many: { what: "There were many repairs within an hour, so SmartPi pauses.", next: "Try again later. If it keeps breaking, make a report in Settings." },
  repair_tried: { what: "This repair was tried already, and it did not help.", next: "Make a report in Settings for whoever helps you." },
  repair_changed: { what: "Something has changed since this plan was made. Nothing more was done.", next: "Check again for a new plan." },
  repair_expired: { what: "This plan is too old. Nothing was done.", next: "Check again for a new one." },
  repair_unknown: { what: "This plan does not exist any more. Nothing was done.", next: "Check again for a new one." },
  repair_not_recorded: { what: "SmartPi could not write down what it does, so nothing was done.", next: "Check the free space of the disk, then try again." },
  repair_still_runs: { what: "The other OpenClaw was asked to end, and still finishes something. Nothing more was done.", next: "Wait a few minutes, then check again. If it still runs, SmartPi can take it away at once, after your consent." },
  repair_service_failed: { what: "Your computer could not switch the service. Nothing more was done.", next: "Check again. If it stays so, make a report in Settings for whoever helps you." },
  repair_no_undo: { what: "Nothing of this repair can be undone any more.", next: "Check again to see how it is now." },
};
