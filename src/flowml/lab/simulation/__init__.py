"""The lab's actors in simulated time, on simulated links: hours of traffic in minutes, without root."""
