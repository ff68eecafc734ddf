"""Who may exchange: agencies, their certificates, what is trusted, and the clients that act for agencies.

    model                                       the values: Agency, RegisteredCertificate, Client, Grant, …
    directory                                   reading: who stands behind a code, who there is
    agencies, agency_import, agency_csv         changing it, one agency or a file of them
    placement                                   what a record must look like, and where it may stand
    reference                                   the country's level-one codes, as data
    certificates, anchors, revocation_lists     whose signatures may count
    certificate_import, certificate_sheet       an authority's list of them
    certificate_holds, enrolment, expiring      suspended for a time, brought by the agency itself, about to end
    node_keys                                   that another key of the node signs
    trust, known                                whether a presented certificate counts now
    clients, secrets                            which system may do what, for whom
    acts, once, expiry                          who changes something, and that it is done once

Every change is one transaction that also writes its event. Nothing here speaks HTTP, and nothing here decides about a
document.
"""
