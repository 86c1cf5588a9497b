from textual.widgets import Static


class DiscoveryPane(Static):
    can_focus = True

    def show(self, server, examine):
        self.update("discovery")
