"""The traffic lab: mining and benign actors on real TCP and TLS stacks, recorded at a tap, with their truth.

``scenario`` names what plays, ``network`` builds hosts, ``wire`` carries packets between them with the delays
that were drawn, ``stage`` lets the actors of ``mining`` and ``benign`` play, ``recorder`` writes what the tap
sees and ``truth`` says what it was.
"""
